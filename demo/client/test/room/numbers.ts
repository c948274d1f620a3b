/** Numbers that two say to each other all the time: each must arrive once, and in order. */

import { expect } from "vitest";

import { type Collected, collect, type Pair } from "../clients.ts";
import { eventually } from "../waiting.ts";
import type { Message } from "../../src/index.ts";

/** Both sides of a pair, from now on. */
export class Numbers {
  /** What Bob has heard, and Ada. */
  readonly there: Collected<Message>;
  readonly back: Collected<Message>;
  readonly #talk: Promise<void>;
  #said = 0;
  #talking = true;

  /** `pause`: milliseconds between one number and the next. */
  constructor({ ada, bob, toBob, toAda }: Pair, pause: number) {
    this.there = collect(bob);
    this.back = collect(ada);
    this.#talk = (async () => {
      while (this.#talking) {
        await Promise.all([toBob.send(this.#said), toAda.send(this.#said)]);
        this.#said += 1;
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    })();
  }

  /** Until Bob has heard so many more. */
  async more(count: number): Promise<void> {
    await this.there.count(this.there.all.length + count);
  }

  /** Say no more; nothing must be lost, doubled or swapped. */
  async end(): Promise<void> {
    this.#talking = false;
    await this.#talk;
    const numbers = Array.from({ length: this.#said }, (_, at) => at);
    for (const heard of [this.there, this.back]) {
      await eventually(() => heard.all.length >= this.#said, "all of them");
      expect(heard.all.map(({ data }) => data)).toEqual(numbers);
    }
  }
}
