/** Ways to the server, tried: by which transport, why one fails, and how nothing of it remains. */

import { after } from "./clock.ts";
import { Socket, SocketError, type Transport } from "./engine/socket.ts";
import { Refused } from "./errors.ts";
import type { WireError } from "./protocol/errors.ts";
import { firstOf, type Line } from "./tries.ts";

export type { Transport } from "./engine/socket.ts";

/** What a proxy answers whose server is not there. */
const NO_SERVER = new Set([502, 503]);
/** What Node says when there is nobody. */
const NOBODY = new Set(["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "EHOSTDOWN", "ENETDOWN", "EADDRNOTAVAIL"]);
const UNKNOWN_HOST = new Set(["ENOTFOUND", "EAI_AGAIN"]);

/** No connection by one transport, or by any; the text says why. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";
  /** Another transport would meet the same. */
  readonly final: boolean;
  /** No server has had any work from it, as far as can be seen from here. */
  readonly nobody: boolean;

  constructor(why: string, { final = false, nobody = false } = {}) {
    super(why);
    this.final = final;
    this.nobody = nobody;
  }
}

/** What tells that a connection is lost, and why. */
export class Loss {
  /** Why it is lost; null: it is not. */
  reason: string | null = null;
  /** Resolves with the reason. */
  readonly told: Promise<string>;
  #resolve!: (reason: string) => void; // set by the promise's constructor

  constructor() {
    this.told = new Promise((resolve) => (this.#resolve = resolve));
  }

  /** It is lost. Only the first reason counts. */
  tell(reason: string): void {
    this.reason ??= reason;
    this.#resolve(reason);
  }
}

/** A connection that has come about. */
export interface Made {
  readonly socket: Socket;
  readonly loss: Loss;
  readonly transport: Transport;
}

/** Where to dial, and how. */
export interface DiallerOptions {
  readonly url: URL;
  readonly namespace: string;
  /** Tried in this order. */
  readonly transports: readonly Transport[];
  /** Seconds for each of them. */
  readonly timeout: number;
  /** The server has sent something on one of the connections. */
  readonly onEvent: (socket: Socket, name: string, data: unknown) => void;
}

/** Dials one server. */
export class Dialler {
  readonly #options: DiallerOptions;
  readonly #path: string;

  constructor(options: DiallerOptions) {
    this.#options = options;
    const path = options.url.pathname.replace(/^\/+|\/+$/g, "");
    this.#path = path === "" ? "/socket.io" : `/${path}/socket.io`;
  }

  /** A new connection. Rejects with Unreachable, Refused, or the signal's reason when that is aborted. */
  async dial(auth: Record<string, unknown>, signal: AbortSignal): Promise<Made> {
    // Another try was faster, or failed: nothing is to remain of those that come too late.
    const giveUp = (tried: Promise<Made>): void => {
      tried.then(
        ({ socket }) => socket.close(),
        () => undefined,
      );
    };
    return await firstOf((line) => this.#try(auth, line), giveUp, signal);
  }

  /** Try the transports in turn. */
  async #try(auth: Record<string, unknown>, line: Line): Promise<Made> {
    const failures: string[] = [];
    let nobody = false;
    for (const transport of this.#options.transports) {
      try {
        return await this.#connect(transport, auth, line);
      } catch (failure) {
        if (!(failure instanceof Unreachable)) throw failure;
        failures.push(`by ${transport}: ${failure.message}`);
        nobody ||= failure.nobody;
        if (failure.final) break;
      }
    }
    const { href } = this.#options.url;
    throw new Unreachable(`cannot reach a signalling server at ${href} ${failures.join("; ")}`, { nobody });
  }

  async #connect(transport: Transport, auth: Record<string, unknown>, line: Line): Promise<Made> {
    const { url, namespace, timeout, onEvent } = this.#options;
    const loss = new Loss();
    let socket: Socket | undefined;
    try {
      return await new Promise<Made>((resolve, reject) => {
        const silent = (): void => {
          // It may have swallowed the WebSocket alone. Who has not answered may be nobody.
          reject(new Unreachable(`no answer in ${timeout} s`, { nobody: !line.answered }));
        };
        const stop = after(timeout, silent);
        line.signal.addEventListener("abort", () => {
          stop();
          reject(new Unreachable("given up", { final: true }));
        });
        const failed = (error: SocketError): void => {
          stop();
          reject(failureOf(error, transport, line));
        };
        try {
          const made = new Socket({ url: `${url.origin}${this.#path}`, namespace, auth, transport }, {
            opened: () => line.answer(),
            connected: () => {
              stop();
              resolve({ socket: made, loss, transport });
            },
            failed,
            lost: (reason) => loss.tell(reason),
            event: (name, data) => onEvent(made, name, data),
          });
          socket = made;
        } catch (error) {
          failed(new SocketError((error as Error).message));
        }
      });
    } catch (error) {
      socket?.close();
      throw error;
    }
  }
}

/** The exception for an error of the server's. */
export function refusalOf(error: Partial<WireError>): Refused {
  const { code, message, retry_after: retryAfter, statement } = error;
  return new Refused(
    typeof code === "string" ? code : "internal",
    typeof message === "string" ? message : "the server refused",
    typeof retryAfter === "number" ? retryAfter * 1000 : null,
    typeof statement === "string" ? statement : null,
  );
}

/** What kept us from connecting. A WebSocket's error says nothing; what lies below it in Node knows more. */
function failureOf({ message, data, description: told }: SocketError, transport: Transport, line: Line): Error {
  if (typeof data === "object" && data !== null) return refusalOf(data);
  const description = told as Description;
  const below = typeof description === "object" ? (description.error ?? description.cause ?? description) : undefined;
  const code = typeof below?.code === "string" ? below.code : "";
  const why = typeof below?.message === "string" && below.message !== "" ? below.message : message;
  if (NOBODY.has(code)) {
    return new Unreachable(`${why || code}. Is \`eitherway serve\` running there?`, { final: true, nobody: true });
  }
  if (UNKNOWN_HOST.has(code)) return new Unreachable("the host is not known", { final: true, nobody: true });
  if (/CERT|SSL|TLS|SELF_SIGNED|EPROTO|UNABLE_TO_/.test(code)) {
    line.answer();
    return new Unreachable(`TLS failed: ${why}`, { final: true });
  }
  const status = typeof description === "number" ? description : Number(/response: (\d+)/.exec(why)?.[1] ?? 0);
  if (status > 0) {
    line.answer();
    const said = `it answered ${status}: is that a signalling server, and the path right?`;
    return new Unreachable(said, { nobody: NO_SERVER.has(status) });
  }
  // A browser says no more than that it failed. A WebSocket may have been kept out by what is in between; not a request.
  return transport === "websocket"
    ? new Unreachable(`${why}, and the browser does not say why`)
    : new Unreachable("nothing is to be had there. Is `eitherway serve` running there?", { nobody: true });
}

/** An HTTP status, what a WebSocket tells, or what `fetch` throws. */
type Description = number | undefined | (Below & { readonly error?: Below; readonly cause?: Below });
type Below = { readonly code?: unknown; readonly message?: unknown };
