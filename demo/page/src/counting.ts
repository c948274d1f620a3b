/** The stream of numbered messages: sent to every peer that counts, and counted as it comes. */

import type { Peer, Room } from "eitherway";
import { Count, type Numbered, sum, type Totals } from "./counters.ts";
import { Pace, pause } from "./pace.ts";
import { Pauses } from "./pauses.ts";

/** The label of the channel, on the reliable lane. */
export const LABEL = "count";
/** A peer whose profile has this key, true, receives numbered messages; it counts them, or sends them back. */
export const SAYS_SO = "counts";
/** Between two messages to a peer, in ms. */
const EVERY = 50;

/** What happens to single messages, for those who draw it. */
export type OnMessage = (peer: Peer, direction: "out" | "in") => void;

interface Counted {
  readonly count: Count;
  waiting: boolean;
}

export class Counting {
  readonly pauses = new Pauses();
  readonly #room: Room;
  readonly #onMessage: OnMessage;
  readonly #counted = new Map<Peer, Counted>();
  readonly #pace = new Pace(1000, 400);
  #gone: Totals = sum([]);

  /** Begins at once, and goes on for the life of the page. */
  constructor(room: Room, onMessage: OnMessage) {
    this.#room = room;
    this.#onMessage = onMessage;
    room.channel(LABEL).on("message", async ({ peer, data }) => {
      this.#receive(peer, data);
      await pause(this.#pace.delay(peer.id, performance.now()));
    });
    setInterval(() => this.#sendAll(), EVERY);
  }

  /** Over all peers, those that have left among them. */
  get totals(): Totals {
    return sum([this.#gone, ...[...this.#counted.values()].map(({ count }) => count.totals())]);
  }

  /** What was on its way to a peer came back as undelivered. Gives how many numbered ones did. */
  returned(peer: Peer): number {
    return this.#counted.get(peer)?.count.returned(newRun()) ?? 0;
  }

  /** The peer is gone for good; what was on its way to it counts as returned. */
  left(peer: Peer): void {
    const counted = this.#counted.get(peer);
    if (counted === undefined) return;
    counted.count.returned(newRun());
    this.#gone = sum([this.#gone, counted.count.totals()]);
    this.#counted.delete(peer);
    this.pauses.forget(peer.id);
    this.#pace.forget(peer.id);
  }

  #receive(peer: Peer, data: unknown): void {
    if (this.#room.peers.get(peer.id) !== peer) return;
    if (!this.#of(peer).count.receive(data)) return;
    this.pauses.heard(peer.id, performance.now());
    this.#onMessage(peer, "in");
  }

  #sendAll(): void {
    for (const peer of this.#room.peers.values()) {
      // One that cannot be reached at all would make a long queue, and hear nothing new.
      if (peer.profile[SAYS_SO] === true && (!peer.away || peer.path === "direct")) void this.#send(peer, this.#of(peer));
    }
  }

  async #send(peer: Peer, counted: Counted): Promise<void> {
    if (counted.waiting) return; // the link is full: there is no point in numbering more
    counted.waiting = true;
    try {
      await peer.channel<Numbered>(LABEL).send(counted.count.next());
      this.#onMessage(peer, "out");
    } catch {
      // It has left meanwhile: `left` says so, and counts this message as returned.
    } finally {
      counted.waiting = false;
    }
  }

  #of(peer: Peer): Counted {
    let counted = this.#counted.get(peer);
    if (counted === undefined) {
      counted = { count: new Count(this.#room.id, newRun()), waiting: false };
      this.#counted.set(peer, counted);
    }
    return counted;
  }
}

function newRun(): number {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
  return 1 + (high % 2 ** 20) * 2 ** 32 + low;
}
