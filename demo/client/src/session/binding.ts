/**
 * Which two sessions belong together (S1, S2).
 *
 * A Client numbers its links from one counter; its incarnation in the room and that number are its *half* of a session,
 * and a session is both halves. Halves only grow, so both sides can tell by comparing them what is old and what is over,
 * whatever the network drops, doubles or replays.
 */

import { deleteFirst } from "./liveness.ts";

/** Peers of which a program remembers the highest half it has discarded. */
export const MAX_ENDED = 65_536;

/** One side of a session. Of two halves of the same peer in the same room the higher is the later. */
export interface Half {
  readonly incarnation: number;
  readonly number: number;
}

/** Lower than every half: "none". */
export const NO_HALF: Half = { incarnation: 0, number: 0 };

/**
 * What a handshake message says: the sender's half, the receiver's half it is bound to (or none), and the highest
 * half of the receiver that it has discarded (or none).
 */
export interface Halves {
  readonly own: Half;
  readonly bound: Half;
  readonly ended: Half;
}

/** Negative if `one` is the earlier half, positive if it is the later one, 0 if both are the same. */
export function compare(one: Half, other: Half): number {
  return one.incarnation - other.incarnation || one.number - other.number;
}

/**
 * The highest half that was discarded of each peer, by room and id, for a program's whole life.
 *
 * Bounded: the peers that were not asked about for longest are forgotten, and then a half that is not remembered
 * may be one that was discarded.
 */
export class EndedHalves {
  readonly #most: number;
  /** Those asked about last come last. */
  readonly #ended = new Map<string, Half>();
  #forgot = false;

  constructor(most = MAX_ENDED) {
    this.#most = most;
  }

  /** The highest discarded half of this peer, or NO_HALF. */
  get(room: string, peer: string): Half {
    const key = keyOf(room, peer);
    const half = this.#ended.get(key);
    if (half === undefined) return NO_HALF;
    this.#put(key, half);
    return half;
  }

  /** Whether NO_HALF may mean that the half was forgotten. */
  mayHaveForgotten(room: string, peer: string): boolean {
    return this.#forgot && !this.#ended.has(keyOf(room, peer));
  }

  /** Remember that a session with this half is over. */
  discard(room: string, peer: string, half: Half): void {
    const before = this.get(room, peer);
    this.#put(keyOf(room, peer), compare(half, before) > 0 ? half : before);
    if (this.#ended.size > this.#most) {
      deleteFirst(this.#ended);
      this.#forgot = true;
    }
  }

  #put(key: string, half: Half): void {
    this.#ended.delete(key);
    this.#ended.set(key, half);
  }
}

/** No id has a space in it. */
function keyOf(room: string, peer: string): string {
  return `${peer} ${room}`;
}

/**
 * The halves of one link's current session, and what a handshake message means for it.
 *
 * `own` is my half; `bound` is the peer's, null until the first handshake; `ended` is the highest half of the peer
 * that I have discarded.
 */
export class Binding {
  readonly own: Half;
  readonly ended: Half;
  bound: Half | null = null;

  constructor(own: Half, ended: Half) {
    this.own = own;
    this.ended = ended;
  }

  /** What my handshake messages say. */
  halves(): Halves {
    return { own: this.own, bound: this.bound ?? NO_HALF, ended: this.ended };
  }

  /** Whether the peer claims to have discarded a half that I never had (S10). */
  isImpossible(said: Halves): boolean {
    return compare(said.ended, this.own) > 0;
  }

  /** Whether my session has ended on the other side: discarded there, or followed by a later one. */
  isOver(said: Halves): boolean {
    return compare(said.ended, this.own) >= 0 || (this.bound !== null && compare(said.own, this.bound) > 0);
  }

  /** Whether the message is from a session of the peer that is over here. */
  isStale(said: Halves): boolean {
    return compare(said.own, this.ended) <= 0 || (this.bound !== null && compare(said.own, this.bound) < 0);
  }

  /** Whether message 1 is for another session of mine than this one. */
  isElsewhere(said: Halves): boolean {
    return compare(said.bound, NO_HALF) !== 0 && compare(said.bound, this.own) !== 0;
  }

  /** Whether message 2 is for another session of mine than this one: it must name exactly this one. */
  answersAnother(said: Halves): boolean {
    return compare(said.bound, this.own) !== 0;
  }
}
