import { Bell, now } from "../clock.ts";
import { NotInRoom, Undelivered } from "../errors.ts";
import type { Outbound, PathName } from "../session/events.ts";
import type { LinkCore } from "../session/link-core.ts";

interface Waiting<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

/** The answer to a ping. */
export interface Pong {
  /** The round trip in seconds. */
  readonly rtt: number;
  readonly path: PathName;
}

/**
 * What an application waits for: that everything was handled, and round trips. Flushes and pings of one link that have
 * not been answered yet. `ask()`: there is something for the link to do.
 */
export class Questions {
  readonly #core: LinkCore;
  readonly #ask: () => void;
  readonly #flushes = new Map<number, Waiting<void>>();
  readonly #pings = new Map<number, Waiting<Pong>>();
  readonly #change = new Bell();
  #refusal: string | null = null;

  constructor(core: LinkCore, ask: () => void) {
    this.#core = core;
    this.#ask = ask;
  }

  /** Until everything sent before was handled by the peer. Rejects with Undelivered, NotInRoom, the signal's reason. */
  async flush(signal?: AbortSignal): Promise<void> {
    this.#check();
    signal?.throwIfAborted();
    const mark = this.#core.session.flush(now());
    this.#ask();
    await answered(this.#flushes, mark, signal);
  }

  /** A round trip by the path in use. Rejects with NotInRoom, the signal's reason. */
  async ping(signal?: AbortSignal): Promise<Pong> {
    this.#check();
    for (;;) {
      signal?.throwIfAborted();
      const number = this.#core.bound ? this.#core.session.ping(now()) : null;
      if (number !== null) {
        this.#ask();
        return await answered(this.#pings, number, signal);
      }
      this.#core.start(now());
      this.#ask();
      await this.#change.next(signal);
      this.#check();
    }
  }

  /** The peer has handled everything before this mark. */
  flushed(mark: number): void {
    this.#flushes.get(mark)?.resolve();
  }

  /** The peer answered a ping. */
  answered(number: number, rtt: number, path: PathName): void {
    this.#pings.get(number)?.resolve({ rtt, path });
  }

  /** A path or a key has come: what could not be asked before may be now. */
  changed(): void {
    this.#change.ring();
  }

  /** The session is over: there will be no answers. */
  fail(undelivered: readonly Outbound[], reason: string): void {
    for (const one of this.#flushes.values()) one.reject(new Undelivered("the peer", undelivered, reason));
    for (const one of this.#pings.values()) one.reject(new NotInRoom(`the peer did not answer: ${reason}`));
    this.#change.ring();
  }

  /** The link is over: nothing can be asked any more. */
  refuse(reason: string): void {
    this.#refusal = reason;
    this.#change.ring();
  }

  #check(): void {
    if (this.#refusal !== null) throw new NotInRoom(`this peer cannot be reached: ${this.#refusal}`);
  }
}

/** Wait in a map for an answer; nothing of it remains there. */
async function answered<T>(waiting: Map<number, Waiting<T>>, number: number, signal?: AbortSignal): Promise<T> {
  let abort: (() => void) | undefined;
  try {
    return await new Promise<T>((resolve, reject) => {
      waiting.set(number, { resolve, reject });
      abort = () => reject(signal?.reason);
      signal?.addEventListener("abort", abort);
    });
  } finally {
    waiting.delete(number);
    if (abort !== undefined) signal?.removeEventListener("abort", abort);
  }
}
