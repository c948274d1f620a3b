/** How long messages that should come steadily failed to, from a moment of interest on. No clock of its own. */

export class Pauses {
  readonly #last = new Map<string, number>();
  /** Who has been heard since, and after how long. */
  readonly #first = new Map<string, number>();
  #longest = 0;
  #since = 0;

  /** A message has come from this sender; times in ms. */
  heard(sender: string, now: number): void {
    const last = this.#last.get(sender);
    if (last !== undefined) this.#longest = Math.max(this.#longest, now - Math.max(last, this.#since));
    this.#last.set(sender, now);
    if (!this.#first.has(sender)) this.#first.set(sender, now - this.#since);
  }

  /** Nothing more is expected from this sender. */
  forget(sender: string): void {
    this.#last.delete(sender);
    this.#first.delete(sender);
  }

  /** Look from now on. */
  watch(now: number): void {
    this.#since = now;
    this.#longest = 0;
    this.#first.clear();
  }

  /** How long it took until everyone had been heard again, in ms; so far, if somebody has not. */
  untilAllWereHeard(now: number): number {
    let longest = 0;
    for (const sender of this.#last.keys()) longest = Math.max(longest, this.#first.get(sender) ?? now - this.#since);
    return longest;
  }

  /** The longest silence since then, one that still lasts among them, in ms. */
  longest(now: number): number {
    let longest = this.#longest;
    for (const last of this.#last.values()) longest = Math.max(longest, now - Math.max(last, this.#since));
    return longest;
  }
}
