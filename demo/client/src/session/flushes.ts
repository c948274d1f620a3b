/** Flushes: what each one waits to be handled (rule S8). */

import type { SendChannel } from "./credit.ts";
import type { Event } from "./events.ts";
import type { Queue } from "./queue.ts";

/** The marks that have been set, and what of each channel must have been handled for them. */
export class Flushes {
  readonly #events: Queue<Event>;
  #next = 1;
  /** For each mark the channels it waits for, with the charged bytes that were promised on them. */
  readonly waiting = new Map<number, Map<number, number>>();

  constructor(events: Queue<Event>) {
    this.#events = events;
  }

  /** A mark; its event comes at once if nothing waits. */
  mark(channels: Iterable<SendChannel>): number {
    const mark = this.#next++;
    const targets = new Map<number, number>();
    for (const channel of channels) {
      if (channel.promised > channel.handled) targets.set(channel.number, channel.promised);
    }
    if (targets.size) this.waiting.set(mark, targets);
    else this.#events.push({ type: "Flushed", mark });
    return mark;
  }

  /** The peer has handled more of a channel. */
  handled(channel: SendChannel): void {
    for (const [mark, targets] of this.waiting) {
      const target = targets.get(channel.number);
      if (target === undefined || channel.handled < target) continue;
      targets.delete(channel.number);
      if (!targets.size) {
        this.waiting.delete(mark);
        this.#events.push({ type: "Flushed", mark });
      }
    }
  }
}
