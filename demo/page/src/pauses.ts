/** The longest silence between messages that should come steadily, since a moment of interest. No clock of its own. */

export class Pauses {
  readonly #last = new Map<string, number>();
  #longest = 0;
  #since = 0;

  /** A message has come from this sender; times in ms. */
  heard(sender: string, now: number): void {
    const last = this.#last.get(sender);
    if (last !== undefined && now > this.#since) this.#longest = Math.max(this.#longest, now - last);
    this.#last.set(sender, now);
  }

  /** Nothing more is expected from this sender. */
  forget(sender: string): void {
    this.#last.delete(sender);
  }

  /** Look from now on. */
  watch(now: number): void {
    this.#since = now;
    this.#longest = 0;
  }

  /** The longest silence since then, one that still lasts among them, in ms. */
  longest(now: number): number {
    let longest = this.#longest;
    for (const last of this.#last.values()) longest = Math.max(longest, now - last);
    return longest;
  }
}
