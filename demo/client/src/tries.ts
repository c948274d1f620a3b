/** Tries to reach a server, side by side: while one hangs, as where a network is gone, another one is begun. */

import { after } from "./clock.ts";

/**
 * Seconds that a try may hang before another one is begun: between these, so that clients do not keep step. The first
 * packet of a TCP connection is repeated 1, 3 and 7 s after it (by Linux from 6.5 on every second at first): one try
 * alone may take 4 s to notice that the network is there again.
 */
export const OVERLAP = [1.5, 2.5] as const;
/** Tries that hang at a time. */
export const MOST_TRIES = 5;

/** The connection of one try: whether anybody has answered. Nothing in a browser tells, so whoever dials says so. */
export class Line {
  readonly #givenUp = new AbortController();
  #answered = false;

  /** Aborted when another try was faster, or failed: nothing is to remain of this one. */
  get signal(): AbortSignal {
    return this.#givenUp.signal;
  }

  /** Whether anybody has answered. */
  get answered(): boolean {
    return this.#answered;
  }

  /** Somebody is there: a connection has opened, or a response has come. */
  answer(): void {
    this.#answered = true;
  }

  /** Give it up. */
  giveUp(): void {
    this.#givenUp.abort();
  }
}

/**
 * What the first try to end comes to; another one is begun while all before it hang.
 *
 * Those that have not ended are given up: their lines' signals are aborted, and `giveUp` gets their promises, and has to
 * see to it that nothing remains of what they may still come to. So are all of them when `signal` is aborted, with whose
 * reason this then rejects.
 */
export async function firstOf<T>(
  begin: (line: Line) => Promise<T>,
  giveUp: (tried: Promise<T>) => void,
  signal?: AbortSignal,
): Promise<T> {
  const tries = new Map<Promise<T>, Line>();
  const ended: { tried: Promise<T>; failed: boolean }[] = [];
  let wake: () => void = () => undefined;
  const woken = (): void => wake();
  signal?.addEventListener("abort", woken);
  try {
    for (;;) {
      signal?.throwIfAborted();
      if (tries.size < MOST_TRIES && [...tries.values()].every((line) => !line.answered)) {
        const line = new Line();
        const tried = begin(line);
        tries.set(tried, line);
        const end = (failed: boolean): void => {
          ended.push({ tried, failed });
          wake();
        };
        tried.then(
          () => end(false),
          () => end(true),
        );
      }
      await new Promise<void>((resolve) => {
        const cancel = after(OVERLAP[0] + Math.random() * (OVERLAP[1] - OVERLAP[0]), resolve);
        wake = () => {
          cancel();
          resolve();
        };
      });
      // One that has succeeded, if any has. A failure ends the others, too: somebody answers now, or it has hung for as
      // long as it may.
      const first = ended.find(({ failed }) => !failed) ?? ended[0];
      if (first !== undefined) {
        tries.delete(first.tried);
        return await first.tried;
      }
    }
  } finally {
    signal?.removeEventListener("abort", woken);
    for (const [tried, line] of tries) {
      line.giveUp();
      giveUp(tried);
    }
  }
}
