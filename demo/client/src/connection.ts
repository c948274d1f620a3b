/**
 * The Socket.IO connection to the signalling server: connect, ask, come back.
 *
 * Every connection is a fresh socket, since we must know which connection we are on (rule V1), and nothing may be sent
 * before the rooms are joined again (rule V6).
 */

import { Backoff } from "./backoff.ts";
import { after, now } from "./clock.ts";
import { Dialler, type Made, refusalOf, type Transport, Unreachable } from "./dialling.ts";
import type { Socket } from "./engine/socket.ts";
import { ConnectionFailed, Refused } from "./errors.ts";
import { listenForHints } from "./hints.ts";
import type { Notices, Requests } from "./protocol/events.ts";
import { PROTOCOL } from "./protocol/limits.ts";
import { Renewal, type Token } from "./tokens.ts";

export type { Transport } from "./dialling.ts";
export type { Token } from "./tokens.ts";

/** What the server sends, but for `shutdown`, which is the connection's own business. */
const EVENTS = new Set("roster signal relay relayed refused replaced room-closed post missed".split(" "));
/** Ways to the server, in the order in which they are tried. */
export const TRANSPORTS: readonly Transport[] = ["websocket", "polling"];
/**
 * Seconds that a connection lasts which is no reason to wait longer before the next: one that is lost again and again is
 * not to be had by trying ever so often.
 */
export const STEADY = 5;
/** Seconds that a try has had when a hint ends it: a new one knows the network as it is now. */
const HANGS = 1;
/** Refusals that no waiting mends. */
const FATAL = new Set(["unsupported-protocol", "unauthorized", "forbidden"]);
/** Seconds that a server can keep its clients away by saying that it is about to leave. */
const LONGEST_AWAY = 60;

/** How to connect, and whom to tell. None of the callbacks may throw. */
export interface ConnectionOptions {
  readonly token?: Token;
  /** Tried in this order. */
  readonly transports?: readonly Transport[];
  /** Milliseconds for one attempt to connect by one of them, and for one reply. */
  readonly timeout?: number;
  /** Whether to come back after a connection is lost. */
  readonly reconnect?: boolean;
  /** The Socket.IO namespace that the server's events are in. */
  readonly namespace?: string;
  /** The server sent something. */
  readonly onEvent: (name: string, data: unknown) => void;
  readonly onConnected: () => void;
  readonly onDisconnected: (reason: string) => void;
  /** The connection is given up. */
  readonly onClosed: (error: Error) => void;
  /** Something else went wrong, and is tried again. */
  readonly onError: (error: unknown) => void;
}

/** Keeps one connection to the server, for ever unless told otherwise. */
export class Connection {
  readonly url: string;
  /** `scheme://host[:port]` as it is dialled: the proof at join binds it. */
  readonly origin: string;
  /** This program's count of connections, in `join` and in every relay path (rule V1). */
  number = 0;
  /** How the server was reached; null before the first connection. */
  transport: Transport | null = null;
  readonly #options: ConnectionOptions;
  readonly #dialler: Dialler;
  readonly #timeout: number;
  readonly #calls = new Set<(error: Error) => void>();
  readonly #backoff = new Backoff();
  #made: Made | null = null;
  #renewal: Renewal | null = null;
  #opening: Promise<void> | null = null;
  #keeping: Promise<void> | null = null;
  /** Seconds that the server has asked us to stay away. */
  #comeBack = 0;
  #closed = false;
  /** Ends the try that is under way, or the wait for the next one; what it is given says why. */
  #interrupt: ((why: "hint" | "closed") => void) | null = null;
  #stopHints: () => void = () => undefined;

  /** `url`: the server's, http or https; a path before `/socket.io` is kept. Throws TypeError. */
  constructor(url: string, options: ConnectionOptions) {
    const { transports = TRANSPORTS, timeout = 10_000, namespace = "/" } = options;
    const parsed = readUrl(url);
    const unknown = transports.filter((transport) => !TRANSPORTS.includes(transport));
    if (unknown.length > 0 || transports.length === 0) {
      throw new TypeError(`transports are ${TRANSPORTS.join(" and ")}, not ${unknown.join(", ") || "none"}`);
    }
    if (!(timeout > 0)) throw new TypeError(`a timeout is a number of milliseconds above 0, not ${timeout}`);
    this.url = url;
    this.origin = parsed.origin;
    this.#options = options;
    this.#timeout = timeout / 1000;
    this.#dialler = new Dialler({
      url: parsed,
      namespace,
      transports,
      timeout: this.#timeout,
      onEvent: (socket, name, data) => this.#receive(socket, name, data),
    });
  }

  /** Whether there is a connection now. */
  get connected(): boolean {
    return this.#made !== null && this.#made.loss.reason === null;
  }

  /** The server's name for this connection; the proof at join binds it. Empty while there is none. */
  get sid(): string {
    return this.#made?.socket.id ?? "";
  }

  /**
   * Connect for the first time, and keep connected from then on.
   *
   * Rejects with ConnectionFailed if the server cannot be reached, Refused if it does not want this client.
   */
  async open(): Promise<void> {
    this.#checkOpen();
    if (this.#keeping !== null) return;
    // Who comes meanwhile uses the same connection.
    this.#opening ??= this.#openFirst().finally(() => (this.#opening = null));
    await this.#opening;
  }

  /**
   * Send an event and wait for the server's reply, `timeout` seconds at most.
   *
   * Rejects with Refused and the server's code; with ConnectionFailed if the connection is lost meanwhile, so that no
   * call outlives the connection it was made on (rule V6), or if no reply comes in time.
   */
  async request<E extends keyof Requests>(event: E, data: Requests[E], timeout: number = this.#timeout): Promise<unknown> {
    const socket = this.#made?.socket;
    if (socket === undefined || !this.connected) {
      throw new ConnectionFailed(`not connected to ${this.url}; it is tried again by itself`);
    }
    let ended: () => void = () => undefined;
    const replied = new Promise<unknown>((resolve, reject) => {
      const stop = after(timeout, () => {
        reject(
          new ConnectionFailed(
            `${this.url} did not answer ${JSON.stringify(event)} in ${timeout} s: is it an eitherway server, ` +
              `with its events in the namespace ${JSON.stringify(this.#options.namespace ?? "/")}?`,
          ),
        );
      });
      this.#calls.add(reject);
      ended = () => {
        stop();
        this.#calls.delete(reject);
      };
      socket.emit(event, data, resolve);
    });
    const reply = (await replied.finally(ended)) as { readonly error?: unknown } | null | undefined;
    if (typeof reply?.error === "object" && reply.error !== null) throw refusalOf(reply.error);
    return reply;
  }

  /** Send an event that is not acknowledged, and wait until it is on its way: what is sent next can be batched. */
  async emit<E extends keyof Notices>(event: E, data: Notices[E]): Promise<void> {
    if (!this.connected || this.#made === null) return;
    const { socket } = this.#made;
    socket.emit(event, data);
    await socket.drained();
  }

  /** The page ends: what is sent from now on has to go at once. */
  hurry(): void {
    this.#made?.socket.hurry();
  }

  /** Disconnect, and stay so. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stopHints();
    this.#interrupt?.("closed");
    this.#hangUp("closed");
    await Promise.all([this.#keeping, this.#opening?.catch(() => undefined)]);
  }

  // ---- one connection after another

  async #openFirst(): Promise<void> {
    let made: Made;
    try {
      made = await this.#dial();
    } catch (failure) {
      if (failure instanceof Unreachable) throw new ConnectionFailed(failure.message);
      throw failure;
    }
    this.#stopHints = listenForHints(() => this.#interrupt?.("hint"));
    this.#keeping = this.#keep(made);
  }

  async #keep(first: Made): Promise<void> {
    let made: Made | null = first;
    while (made !== null) {
      const since = now();
      const reason = await made.loss.told;
      this.#hangUp(reason);
      if (this.#closed) return;
      if (!(this.#options.reconnect ?? true)) {
        this.#giveUp(new ConnectionFailed(`the connection to ${this.url} was lost: ${reason}`));
        return;
      }
      if (now() - since >= STEADY) this.#backoff.reset();
      made = await this.#comeBackFrom(now());
    }
  }

  /** The next connection after one that was lost at this time; null: it is given up, or closed. */
  async #comeBackFrom(lost: number): Promise<Made | null> {
    let nobody = false;
    let spent = 0;
    for (;;) {
      await this.#pause(nobody, now() - lost, spent);
      if (this.#closed) return null;
      const begun = now();
      nobody = false;
      spent = 0;
      try {
        return await this.#dial();
      } catch (error) {
        if (this.#closed) return null;
        if (error instanceof Refused) {
          // A function may have been late with a fresh token.
          const late = error.code === "unauthorized" && typeof this.#options.token === "function";
          if (FATAL.has(error.code) && !late) {
            this.#giveUp(error);
            return null;
          }
          this.#comeBack = (error.retryAfter ?? 0) / 1000;
        } else if (error instanceof Unreachable) {
          nobody = error.nobody;
          // Who has hung on the line has waited meanwhile.
          if (nobody) spent = now() - begun;
        } else {
          this.#options.onError(error); // the application's token function threw: it may do better next time
        }
      }
    }
  }

  /** Wait from one try to reach the server to the next. A hint ends that, unless the server has asked for it. */
  async #pause(nobody: boolean, outage: number, spent: number): Promise<void> {
    const asked = this.#comeBack;
    this.#comeBack = 0;
    const seconds = asked > 0 ? this.#backoff.after(asked) : this.#backoff.next(nobody, outage) - spent;
    await new Promise<void>((resolve) => {
      const cancel = after(seconds, resolve);
      this.#interrupt = (why) => {
        if (why === "hint" && asked > 0) return;
        cancel();
        resolve();
      };
    });
    this.#interrupt = null;
  }

  #giveUp(error: Error): void {
    this.#closed = true;
    this.#stopHints();
    this.#options.onClosed(error);
  }

  /** Have a connection. Rejects with Unreachable, Refused, ConnectionFailed (this client is closed). */
  async #dial(): Promise<Made> {
    const { token, onConnected, onError } = this.#options;
    const shown = typeof token === "function" ? await token() : token;
    const auth: Record<string, unknown> = { protocol: PROTOCOL };
    if (shown !== undefined) auth["token"] = shown;
    this.#checkOpen();
    const made = await this.#dialUninterrupted(auth);
    if (this.#closed) {
      made.socket.close(); // meanwhile: nobody would hang up
      this.#checkOpen();
    }
    this.#made = made;
    this.transport = made.transport;
    this.number += 1;
    if (typeof token === "function" && shown !== undefined) {
      const show = (fresh: string): Promise<unknown> => this.request("auth", { token: fresh });
      this.#renewal = new Renewal(shown, { fresh: token, show, onError });
    }
    onConnected();
    return made;
  }

  /** Dial until it comes to something: a try that a hint has ended is begun anew. */
  async #dialUninterrupted(auth: Record<string, unknown>): Promise<Made> {
    for (;;) {
      const controller = new AbortController();
      const begun = now();
      let hinted = false;
      this.#interrupt = (why) => {
        hinted = why === "hint";
        if (!hinted || now() - begun >= HANGS) controller.abort(new ConnectionFailed("this client is closed; make a new one"));
      };
      try {
        return await this.#dialler.dial(auth, controller.signal);
      } catch (error) {
        if (!hinted || !controller.signal.aborted) throw error;
      } finally {
        this.#interrupt = null;
      }
    }
  }

  #checkOpen(): void {
    if (this.#closed) throw new ConnectionFailed("this client is closed; make a new one");
  }

  #receive(socket: Socket, name: string, data: unknown): void {
    if (name === "shutdown") this.#shutdown(data);
    else if (socket === this.#made?.socket && EVENTS.has(name)) this.#options.onEvent(name, data);
  }

  #shutdown(data: unknown): void {
    const seconds = (data as { readonly reconnect_after?: unknown } | null | undefined)?.reconnect_after;
    if (typeof seconds === "number") this.#comeBack = Math.min(Math.max(0, seconds), LONGEST_AWAY);
  }

  #hangUp(reason: string): void {
    const made = this.#made;
    if (made === null) return;
    this.#made = null;
    this.#renewal?.stop();
    this.#renewal = null;
    made.loss.tell(reason);
    const lost = new ConnectionFailed(`the connection to ${this.url} was lost: ${reason}`);
    for (const fail of this.#calls) fail(lost);
    this.#options.onDisconnected(reason);
    made.socket.close();
  }
}

function readUrl(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null || !/^https?:$/.test(parsed.protocol) || parsed.hostname === "") {
    throw new TypeError(`a server's URL looks like http://127.0.0.1:8080, not ${JSON.stringify(url)}`);
  }
  if (parsed.search !== "" || parsed.hash !== "" || parsed.username !== "") {
    throw new TypeError("a server's URL has no user, query or fragment; what admits this client is its `token`");
  }
  return parsed;
}
