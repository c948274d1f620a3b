/** When to try again, and how often the peer may make us try. */

/** A random number from 0 up to, but not, 1: `Math.random`, or one with a seed. */
export type Random = () => number;

/** From so many seconds up to so many. */
export type Window = readonly [number, number];

/** Seconds, drawn evenly, until the first retry after a failure; doubled with each further failure … */
export const RETRY: Window = [1, 4];
/** … up to this many. A link without recent traffic waits that long at once. */
export const RETRY_MOST = 60;
/** Seconds after the loss of a steady path in which an attempt that came to nothing does not put off the next … */
export const MENDING = 300;
/** … by more than this: the network may be back at any time, and an attempt is itself the test of that. */
export const MENDED: Window = [0.5, 2];
/** Seconds for which traffic is recent. */
export const RECENT = 30;
/** Seconds until a direct path that ended is replaced: little, but not the same on all links at once. */
export const AGAIN: Window = [0.05, 0.25];
/** Seconds that a suspect path may stay silent before another one is tried beside it. */
export const DOUBT: Window = [2, 3];
/** Seconds that the answering side waits for an offer before it asks for one: the other side is often as eager. */
export const PATIENCE: Window = [0.1, 0.2];
/** Seconds after which a direct path that ends is no failure. Else one that flaps would be retried without end. */
export const STEADY = 10;

/** The time of the next try on one link. */
export class Retry {
  /** When the next try is due; null: not at all. */
  at: number | null = null;
  readonly #random: Random;
  #failures = 0;
  #notBefore: number;
  #mendingUntil: number;
  #trafficAt: number;
  #idle = false;

  constructor(random: Random, now: number) {
    this.#random = random;
    this.#notBefore = now;
    this.#mendingUntil = now;
    this.#trafficAt = now - RECENT;
  }

  /** Try within so many seconds, but not before the last failure allows. */
  soon(now: number, window: Window): void {
    this.at = Math.max(now + this.#draw(window), this.#notBefore);
    this.#idle = false;
  }

  /** Try later, and later each time. */
  failed(now: number): void {
    this.#failures += 1;
    // The exponent is bounded as well: failures grow for as long as the program lives.
    this.#wait(Math.min(this.#draw(RETRY) * 2 ** Math.min(this.#failures - 1, 10), RETRY_MOST), now);
  }

  /** An attempt had all its time, in vain. That is no failure while a network is mended; one that is quick is. */
  timedOut(now: number): void {
    if (now < this.#mendingUntil) this.#wait(this.#draw(MENDED), now);
    else this.failed(now);
  }

  /** A steady path has gone, or does not answer. */
  lost(now: number): void {
    this.#mendingUntil = now + MENDING;
  }

  /** A path has gone that was not steady: to be quick would only bring the next of its kind. */
  flapped(now: number): void {
    this.#mendingUntil = now;
    this.failed(now);
  }

  /** The peer took up what was asked of it: asking was no failure. */
  heard(): void {
    this.#failures = Math.max(0, this.#failures - 1);
    this.at = null;
  }

  /** There is nothing to make up for any more. */
  succeeded(now: number): void {
    this.#failures = 0;
    this.#notBefore = now;
  }

  /** Something went over this link. A try that was put off for want of traffic comes forward. */
  traffic(now: number): void {
    this.#trafficAt = now;
    if (this.#idle && this.at !== null) {
      this.at = Math.max(now, this.#notBefore);
      this.#idle = false;
    }
  }

  #wait(seconds: number, now: number): void {
    this.#notBefore = now + seconds;
    this.#idle = now - this.#trafficAt >= RECENT;
    this.at = this.#idle ? now + RETRY_MOST : this.#notBefore;
  }

  #draw([from, to]: Window): number {
    return from + (to - from) * this.#random();
  }
}

/** How many attempts the peer may bring about: a burst, then one a second (S10). */
export class Allowance {
  static readonly BURST = 4;
  #left = Allowance.BURST;
  #at: number;

  constructor(now: number) {
    this.#at = now;
  }

  /** Whether one more is allowed now. */
  take(now: number): boolean {
    this.#left = Math.min(Allowance.BURST, this.#left + Math.max(0, now - this.#at));
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
