/** How fast messages of one peer are handled: who floods is slowed by its own credit, and slows nobody else. */

/** `burst` messages at once, then `rate` a second. */
export class Pace {
  readonly #burst: number;
  readonly #rate: number;
  readonly #next = new Map<string, number>();

  constructor(burst: number, rate: number) {
    this.#burst = burst;
    this.#rate = rate;
  }

  /** Counts a message of a sender that comes at `now` (ms). Gives for how many ms to put off what comes after it. */
  delay(sender: string, now: number): number {
    const next = Math.max(this.#next.get(sender) ?? 0, now) + 1000 / this.#rate;
    this.#next.set(sender, next);
    return Math.max(0, next - now - (this.#burst * 1000) / this.#rate);
  }

  /** The sender is gone. */
  forget(sender: string): void {
    this.#next.delete(sender);
  }
}

/** Waits so many ms; not at all for 0. */
export async function pause(ms: number): Promise<void> {
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
}
