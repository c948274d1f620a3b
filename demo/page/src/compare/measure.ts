/** One event after another by one transport: how late each is, and how many bytes each takes. */

/** Characters of an event, as in docs/choosing.md. */
const SIZE = 200;
/** Events that are measured; before them a few that are late for other reasons. */
export const EVENTS = 40;
const FIRST = 3;
/** Milliseconds between two events: 50 a second, as in docs/choosing.md. */
const EVERY = 20;
/** Milliseconds for a road to be open, for one event to arrive, and for the last ones. */
const PATIENCE = 10_000;

/** One way for an event to go, from this page to this page. */
export interface Road {
  /** How often an event passes this way before it is here: twice if it comes back from somebody. */
  readonly legs: 1 | 2;
  /** Sends an event. */
  send(event: string): Promise<unknown>;
  /** Bytes that have passed by now, as far as the page can know them; null: it cannot. */
  bytes(): Promise<number | null>;
  /** Lets nothing of it remain. */
  close(): Promise<void>;
}

/** Opens a road; `arrived` is called with each event that comes. When the signal is aborted it is used no longer. */
export type OpenRoad = (arrived: (event: string) => void, signal: AbortSignal) => Promise<Road>;

/**
 * Measures a road: `late` is called with the milliseconds of each event. Gives the bytes of one event, or null. Rejects
 * with Error that says what went wrong, for whoever looks at the page, and with the signal's reason.
 */
export async function measure(open: OpenRoad, late: (ms: number) => void, signal: AbortSignal): Promise<number | null> {
  const flight = new Flight();
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  const opening = open((event) => flight.land(event), either);
  try {
    const road = await within(opening, "it could not be opened", signal);
    for (let number = 0; number < FIRST; number += 1) await flight.start(road, signal);
    const before = await road.bytes();
    const all: Promise<void>[] = [];
    const begun = performance.now();
    for (let number = 0; number < EVENTS; number += 1) {
      await pause(begun + number * EVERY - performance.now(), signal);
      const landed = flight.start(road, signal).then((ms) => late(ms / road.legs));
      landed.catch(() => undefined); // it is waited for below
      all.push(landed);
    }
    await Promise.all(all);
    const after = await road.bytes();
    return before === null || after === null ? null : (after - before) / (EVENTS * road.legs);
  } finally {
    over.abort();
    await opening.then((road) => road.close()).catch(() => undefined); // what is wrong with it has been told
  }
}

/** Events on their way. */
class Flight {
  readonly #waiting = new Map<number, (now: number) => void>();
  #number = 0;

  /** Sends an event, and waits until it is here. Gives how long that took, in ms. */
  async start(road: Road, signal: AbortSignal): Promise<number> {
    this.#number += 1;
    const number = this.#number;
    const landed = new Promise<number>((resolve) => this.#waiting.set(number, resolve));
    const begun = performance.now();
    const arrived = road.send(`${number} `.padEnd(SIZE, "x")).then(() => landed);
    try {
      return (await within(arrived, "an event did not arrive", signal)) - begun;
    } finally {
      this.#waiting.delete(number);
    }
  }

  /** An event is here. */
  land(event: string): void {
    this.#waiting.get(Number.parseInt(event, 10))?.(performance.now());
  }
}

/** What a promise resolves to, if it does in time. */
async function within<T>(promise: Promise<T>, otherwise: string, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  return await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${otherwise} within ${PATIENCE / 1000} s`)), PATIENCE);
    const stop = (): void => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    promise.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
    });
  });
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
  signal.throwIfAborted();
}
