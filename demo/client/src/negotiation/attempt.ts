/** One attempt as the negotiation sees it, and the candidates that wait for a description. */

import type { Candidate, Description } from "./events.ts";

/** Seconds that an attempt has, from its beginning until it is adopted. */
export const DEADLINE = 15;
/**
 * Seconds that are left to an attempt that is connecting when signals get through after a time in which they did not:
 * those that it still needs may be lost.
 */
export const GRACE = 1;
/** Seconds after which an offer without an answer is sent again; doubled each time. Signals may be lost or overtaken. */
export const SAY_AGAIN = 1;
/** Candidates of one attempt that are taken from the peer, and as many that are sent. */
export const MAX_CANDIDATES = 64;
/** Attempts whose candidates may wait for an offer that they have overtaken. */
export const MAX_HELD_ATTEMPTS = 2;

/** How far an attempt has come. */
export type Phase = "DESCRIBING" | "OFFERED" | "CONNECTING" | "OPEN";

/** Candidates on their way, in one direction: they wait for a description, and are bounded in number. */
export class Queue {
  #waiting: Candidate[];
  #taken: Candidate[] = [];
  #left: number;

  constructor(waiting: Candidate[] = []) {
    this.#waiting = waiting;
    this.#left = MAX_CANDIDATES - waiting.length;
  }

  /** Add one; false if there have been too many. */
  put(candidate: Candidate): boolean {
    if (this.#left <= 0) return false;
    this.#left -= 1;
    this.#waiting.push(candidate);
    return true;
  }

  /** All that wait. */
  take(): Candidate[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#taken.push(...waiting);
    return waiting;
  }

  /** All that there have been so far. */
  takeAgain(): Candidate[] {
    this.#waiting = [...this.#taken, ...this.#waiting];
    this.#taken = [];
    return this.take();
  }
}

/** The attempt in progress. */
export class Attempt {
  readonly number: number;
  deadline: number;
  hurried = false;
  phase: Phase = "DESCRIBING";
  /** What the answer must say of the offer (K5). */
  offerHash: string;
  /** What was sent: our offer or answer; null while there is none. */
  description: Description | null = null;
  /** When to send it again. */
  againAt = Infinity;
  readonly theirs: Queue;
  readonly ours = new Queue();
  #pause = SAY_AGAIN;

  constructor(number: number, now: number, theirs: Candidate[], offerHash = "") {
    this.number = number;
    this.deadline = now + DEADLINE;
    this.theirs = new Queue(theirs);
    this.offerHash = offerHash;
  }

  /** Our offer leaves: it is sent again if no answer comes. */
  said(now: number): void {
    this.againAt = now + this.#pause;
    this.#pause *= 2;
  }

  /** Leave it no more than `GRACE`. */
  hurry(now: number): void {
    if (now + GRACE < this.deadline) {
      this.deadline = now + GRACE;
      this.hurried = true;
    }
  }
}

/** Candidates of attempts to come: a signal may overtake the offer that it belongs to. */
export class Overtakers {
  #of = new Map<number, Queue>();

  /** Keep one; false if there are too many. */
  put(attempt: number, candidate: Candidate): boolean {
    let queue = this.#of.get(attempt);
    if (queue === undefined) {
      if (this.#of.size >= MAX_HELD_ATTEMPTS) return false;
      queue = new Queue();
      this.#of.set(attempt, queue);
    }
    return queue.put(candidate);
  }

  /** Those of an attempt that begins. Those of earlier ones are forgotten: they will not come any more. */
  take(attempt: number): Candidate[] {
    const queue = this.#of.get(attempt);
    for (const number of this.#of.keys()) if (number <= attempt) this.#of.delete(number);
    return queue?.take() ?? [];
  }

  /** Forget them all. */
  clear(): void {
    this.#of.clear();
  }
}
