/** How long to wait before trying again. */

// Seconds.
const FIRST = 0.25;
const SOON = 1;
const LATE = 2.5;
const MOST = 5;
const PATIENCE = 10;

/**
 * Delays between tries to reach a server: their bound doubles from 0.25 s on, each is drawn below it.
 *
 * `nobody` was there: that costs a server nothing, so the bound ends at 1 s, or at 2.5 s once the outage has lasted for
 * 10 s. Somebody was there, who may have too much to do: it ends at 5 s.
 *
 * The draw is uniform from a quarter of the bound to all of it: so a thousand clients of a restarted server come back
 * over a second rather than at once, or over 2.5 s after a long outage.
 */
export class Backoff {
  readonly #random: () => number;
  #bound = FIRST;

  /** `random` gives numbers from 0 on and below 1. */
  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** The next delay in seconds, `outage` seconds after the connection was lost. */
  next(nobody: boolean, outage = 0): number {
    const most = nobody ? (outage < PATIENCE ? SOON : LATE) : MOST;
    const bound = Math.min(this.#bound, most);
    this.#bound = Math.min(bound * 2, most);
    return this.#uniform(bound / 4, bound);
  }

  /** The delay in seconds when the server has asked all its clients to stay away for so long: they do not end it at once. */
  after(asked: number): number {
    return asked + this.#uniform(0, Math.max(SOON, asked / 2));
  }

  /** Start over: a connection has lasted. */
  reset(): void {
    this.#bound = FIRST;
  }

  #uniform(from: number, to: number): number {
    return from + (to - from) * this.#random();
  }
}
