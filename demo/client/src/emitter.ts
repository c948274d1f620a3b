/**
 * Events of clients, rooms, peers and channels.
 *
 * Handlers of one emitter run one after another, in the order of the events. A handler that throws or rejects is
 * reported and stops nothing.
 */

import { Bell, soon, within } from "./clock.ts";
import { complain } from "./complaints.ts";

/** Who is called for an event with these arguments. What it returns is waited for. */
export type Handler<Args> = (...args: Extract<Args, readonly unknown[]>) => unknown;
/** Told what a handler threw. */
export type Report = (error: unknown) => void;

/** Events that wait for a slow handler or reader; beyond that the oldest is dropped, and the loss is logged. */
export const MAX_WAITING = 1_024;

let handling: object | null = null;

/**
 * Whether this is called by a handler that `runner` runs: an end that a handler asks for can't wait for that handler.
 * Only until the handler's first `await`: whoever waits for handlers needs a deadline all the same.
 */
export function isHandling(runner: object): boolean {
  return runner === handling;
}

/** Who listens to which event: functions, async or not, called in the order of registration. */
export class Listeners<Events extends object> {
  readonly #listening: ReadonlyMap<string, { handler: Handler<never>; once: boolean }[]>;

  constructor(...names: (keyof Events & string)[]) {
    this.#listening = new Map(names.map((name) => [name, []]));
  }

  /** Throws RangeError if there is no such event: a typo in a name must not wait for ever in silence. */
  check(event: string): void {
    this.#of(event);
  }

  /** Register a handler; `once`: for the next event only. Throws RangeError, TypeError. */
  add<Name extends keyof Events & string>(event: Name, handler: Handler<Events[Name]>, once = false): void {
    const listening = this.#of(event);
    if (typeof handler !== "function") {
      throw new TypeError(`a handler of "${event}" must be a function, not ${handler === null ? "null" : typeof handler}`);
    }
    listening.push({ handler: handler as Handler<never>, once });
  }

  /** Forget a handler; nothing happens if it is not registered. */
  remove<Name extends keyof Events & string>(event: Name, handler: Handler<Events[Name]>): void {
    const listening = this.#of(event);
    const at = listening.findIndex((one) => one.handler === handler);
    if (at >= 0) listening.splice(at, 1);
  }

  /** The handlers to call for one event that happens now; those for once are forgotten. */
  take<Name extends keyof Events & string>(event: Name): Handler<Events[Name]>[] {
    const listening = this.#of(event);
    const taken: Handler<Events[Name]>[] = [];
    let once = false;
    for (const one of listening) {
      taken.push(one.handler as Handler<Events[Name]>);
      once ||= one.once;
    }
    if (once) listening.splice(0, listening.length, ...listening.filter((one) => !one.once));
    return taken;
  }

  /** Whether somebody listens. */
  any(event: keyof Events & string): boolean {
    return this.#of(event).length > 0;
  }

  #of(event: string): { handler: Handler<never>; once: boolean }[] {
    const listening = this.#listening.get(event);
    if (listening === undefined) {
      throw new RangeError(`there is no event "${event}" here; there is ${[...this.#listening.keys()].sort().join(", ")}`);
    }
    return listening;
  }
}

/** Somebody who reads the events of one name. */
interface Reader {
  readonly waiting: (readonly unknown[])[];
  readonly news: Bell;
}

/** An object with events. `Events` gives the arguments of each by its name: `{ left: [reason: string] }`. */
export class Emitter<Events extends object> {
  readonly #listeners: Listeners<Events>;
  readonly #report: Report | null;
  readonly #waiting: { handler: Handler<never>; args: readonly unknown[] }[] = [];
  readonly #readers = new Map<string, Set<Reader>>();
  #runner: Promise<void> | null = null;
  #ended = false;
  #stopped = false;

  /** @internal `names`: all events there are. `report`: told what a handler throws; the console, if null. */
  constructor(names: readonly (keyof Events & string)[], report: Report | null = null) {
    this.#listeners = new Listeners(...names);
    this.#report = report;
  }

  /**
   * Call `handler`, which may be async, at every such event. The function returned takes it off.
   *
   * Throws RangeError for an event that does not exist.
   */
  on<Name extends keyof Events & string>(event: Name, handler: Handler<Events[Name]>): () => void {
    this.#listeners.add(event, handler);
    return () => this.#listeners.remove(event, handler);
  }

  /** As `on`, at the next such event only. */
  once<Name extends keyof Events & string>(event: Name, handler: Handler<Events[Name]>): () => void {
    this.#listeners.add(event, handler, true);
    return () => this.#listeners.remove(event, handler);
  }

  /** No longer call `handler` at such events. */
  off<Name extends keyof Events & string>(event: Name, handler: Handler<Events[Name]>): void {
    this.#listeners.remove(event, handler);
  }

  /**
   * The arguments of the events of one name as they happen, to be read with `for await`: from this call on.
   *
   * At most 1,024 wait for a slow reader; then the oldest is dropped. It ends when whoever has the event closes.
   */
  events<Name extends keyof Events & string>(event: Name): AsyncGenerator<Events[Name], void, undefined> {
    this.#listeners.check(event);
    const readers = this.#readers.get(event) ?? new Set<Reader>();
    this.#readers.set(event, readers);
    const reader: Reader = { waiting: [], news: new Bell() };
    readers.add(reader);
    return this.#read(readers, reader) as AsyncGenerator<Events[Name], void, undefined>;
  }

  async *#read(readers: Set<Reader>, reader: Reader): AsyncGenerator<readonly unknown[], void, undefined> {
    try {
      for (;;) {
        const args = reader.waiting.shift();
        if (args !== undefined) yield args;
        else if (this.#ended) return;
        else await reader.news.next();
      }
    } finally {
      readers.delete(reader);
    }
  }

  /** @internal Whether somebody has a handler for this event. */
  _listens(event: keyof Events & string): boolean {
    return this.#listeners.any(event);
  }

  /** @internal Tell everyone who listens, in turn, beginning with the next turn of the event loop. */
  _emit<Name extends keyof Events & string>(event: Name, ...args: Extract<Events[Name], readonly unknown[]>): void {
    for (const reader of this.#readers.get(event) ?? []) {
      waitFor(reader.waiting, args, `a reader of "${event}"`);
      reader.news.ring();
    }
    if (this.#stopped) return;
    for (const handler of this.#listeners.take(event)) {
      waitFor(this.#waiting, { handler: handler as Handler<never>, args }, `a handler of "${event}"`);
    }
    if (this.#waiting.length > 0) this.#runner ??= this.#run();
  }

  async #run(): Promise<void> {
    await new Promise<void>(soon);
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      await call(this, next.handler, next.args, this.#report);
    }
    this.#runner = null;
  }

  /**
   * @internal Let the handlers of events that have happened finish, for so many seconds (null: for ever), and end all
   * readers. After that time no further handler is begun.
   */
  async _endEvents(seconds: number | null = 1): Promise<void> {
    this.#ended = true;
    for (const readers of this.#readers.values()) {
      for (const reader of readers) reader.news.ring();
    }
    if (this.#runner === null || isHandling(this)) return;
    if (seconds === null) {
      await this.#runner;
    } else if (!(await within(seconds, this.#runner))) {
      this.#stopped = true;
      this.#waiting.length = 0;
    }
  }
}

/** Let something wait in a queue that is not to grow. */
function waitFor<T>(queue: T[], item: T, who: string): void {
  if (queue.length >= MAX_WAITING) {
    queue.shift();
    complain("warn", `${who} is slow: the oldest event was dropped`);
  }
  queue.push(item);
}

/** Call a handler for `runner` and wait for it; what it throws is reported, and goes no further. */
export async function call(
  runner: object,
  handler: Handler<never>,
  args: readonly unknown[],
  report: Report | null,
): Promise<void> {
  try {
    const before = handling;
    handling = runner;
    let result: unknown;
    try {
      result = (handler as (...args: readonly unknown[]) => unknown)(...args);
    } finally {
      handling = before;
    }
    if (isThenable(result)) await result;
  } catch (error) {
    reportError(error, report);
  }
}

function isThenable(result: unknown): result is PromiseLike<unknown> {
  return typeof result === "object" && result !== null && "then" in result && typeof result.then === "function";
}

/** Tell `report` what a handler threw; without one, the console. */
export function reportError(error: unknown, report: Report | null): void {
  if (report === null) complain("error", "a handler threw", error);
  else report(error);
}
