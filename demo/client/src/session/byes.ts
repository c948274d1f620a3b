/** How a session ends on purpose: a bye each way (rule S8). */

import type { Event } from "./events.ts";
import type { Queue } from "./queue.ts";
import type { Receiver } from "./receiver.ts";
import type { Sender } from "./sender.ts";

/** Ours and the peer's. */
export class Byes {
  readonly #sender: Sender;
  readonly #receiver: Receiver;
  readonly #events: Queue<Event>;
  #received = false;
  #done = false;

  constructor(sender: Sender, receiver: Receiver, events: Queue<Event>) {
    this.#sender = sender;
    this.#receiver = receiver;
    this.#events = events;
  }

  /** Send ours, once. */
  say(now: number): void {
    if (this.#sender.byeAt === null) this.#sender.bye(now);
  }

  /** See how far we are after something came; true if the peer's bye has just come, to be acknowledged at once. */
  check(now: number): boolean {
    if (this.#receiver.bye === null) return false;
    const news = this.#receiver.complete && !this.#received;
    if (news) {
      this.#received = true;
      this.#events.push({ type: "ByeReceived" });
      this.say(now);
    }
    if (this.#received && this.#sender.byeAcknowledged && !this.#done) {
      this.#done = true;
      this.#events.push({ type: "ByeDone" });
    }
    return news;
  }
}
