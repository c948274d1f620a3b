/** What a receiver makes of one sender's numbered messages: what came, what is missing, what came twice. */

/** A run of numbers that were skipped: from the first one to before the second one. */
interface Gap {
  from: number;
  to: number;
}

/** Gaps that are remembered, to tell a late message from a doubled one; what is in older ones stays lost. */
const MAX_GAPS = 256;

/**
 * Counts by the numbers alone. The first one that comes is where counting starts; from then on each number that was
 * passed over is lost until it comes after all (then it is swapped), and each that comes again is doubled. What is
 * still on its way was not passed over yet: nothing is called lost before something later has arrived.
 */
export class Tally {
  /** Different numbers that came. */
  received = 0;
  /** Numbers that came again. */
  doubled = 0;
  /** Numbers that came after a higher one. */
  swapped = 0;
  /** The highest number that came; 0 if none has. */
  last = 0;
  #gaps: Gap[] = [];
  #forgotten = 0;

  /** Numbers that were passed over and have not come. */
  get lost(): number {
    return this.#gaps.reduce((sum, gap) => sum + gap.to - gap.from, this.#forgotten);
  }

  /** A message of this number has come. Ignores what is no number from 1 on. */
  receive(number: number): void {
    if (!Number.isSafeInteger(number) || number < 1) return;
    if (number > this.last) {
      if (this.last > 0 && number > this.last + 1) this.#skip(this.last + 1, number);
      this.last = number;
      this.received += 1;
    } else if (this.#fill(number)) {
      this.swapped += 1;
      this.received += 1;
    } else {
      this.doubled += 1;
    }
  }

  #skip(from: number, to: number): void {
    this.#gaps.push({ from, to });
    const oldest = this.#gaps.length > MAX_GAPS ? this.#gaps.shift() : undefined;
    if (oldest !== undefined) this.#forgotten += oldest.to - oldest.from;
  }

  #fill(number: number): boolean {
    const index = this.#gaps.findIndex((gap) => gap.from <= number && number < gap.to);
    const gap = this.#gaps[index];
    if (gap === undefined) return false;
    const parts = [
      { from: gap.from, to: number },
      { from: number + 1, to: gap.to },
    ];
    this.#gaps.splice(index, 1, ...parts.filter((part) => part.from < part.to));
    return true;
  }
}
