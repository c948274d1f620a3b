/** What bounds a sender: the budget of all links together, and the credit of each channel (rule S4). */

import { FrameType, type Lane } from "../codec/frames.ts";
import { type Outbound, PeerLied } from "./events.ts";
import { Queue } from "./queue.ts";
import { MIB, type Rules } from "./rules.ts";

/** Bytes that wait in all links of one Client. */
export class Budget {
  readonly limit: number;
  used = 0;

  constructor(limit = 64 * MIB) {
    this.limit = limit;
  }

  /** Whether so much more may wait. A message of any size may, where nothing else does. */
  hasRoom(size: number): boolean {
    return this.used + size <= this.limit || this.used === 0;
  }

  /** So much more waits. */
  take(size: number): void {
    this.used += size;
  }

  /** So much waits no longer. */
  give(size: number): void {
    this.used -= size;
  }
}

/**
 * Our direction of a channel: what is queued, and how much of it the peer lets us send.
 *
 * Credit counts charged bytes from the channel's start: `handled` <= `used` <= `limit`, and `promised` is what `used`
 * will be once everything queued has been sent.
 */
export class SendChannel {
  readonly number: number;
  readonly label: string;
  readonly lane: Lane;
  limit: number;
  used = 0;
  handled = 0;
  promised = 0;
  readonly queue = new Queue<Outbound>();
  /** Where the next chunk of the first message begins. */
  offset = 0;
  ready = false;
  starved = false;
  /** The smallest message that somebody waits to send. */
  wanted: number | null = null;
  closed = false;
  /** The number of its close, once the peer has acknowledged that. */
  closedAt: number | null = null;
  datagrams = 0;

  constructor(number: number, label: string, lane: Lane, rules: Rules) {
    this.number = number;
    this.label = label;
    this.lane = lane;
    this.limit = rules.firstCredit;
  }

  /** Closed, and the peer knows it and has handled everything. */
  get finished(): boolean {
    return this.closedAt !== null && this.handled >= this.promised;
  }

  /**
   * The peer tells how much it has handled and how much it takes; whether anything is new.
   *
   * Throws PeerLied if it handled what was never sent, or its limit is absurd.
   */
  grant(limit: number, handled: number, rules: Rules): boolean {
    if (handled > this.used) throw new PeerLied(`channel ${this.number}: ${handled} handled of ${this.used} sent`);
    if (!(handled <= limit && limit <= handled + rules.creditMost)) {
      throw new PeerLied(`channel ${this.number}: an absurd limit, ${limit}, with ${handled} handled`);
    }
    if (limit <= this.limit && handled <= this.handled) return false;
    if (limit > this.limit) this.limit = limit;
    if (handled > this.handled) this.handled = handled;
    return true;
  }
}

/** What a message of `size` bytes charges: its payload, and something for each frame. Opens and closes are free. */
export function chargeOf(kind: FrameType, size: number, rules: Rules): number {
  if (kind > FrameType.VALUE) return 0;
  return size + rules.frameCharge * Math.max(1, Math.ceil(size / rules.chunk));
}
