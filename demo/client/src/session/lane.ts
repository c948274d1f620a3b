/** One lane of our direction: its sequence, its unacknowledged frames, and those to be sent again (rules S3, S4, S6). */

import { Frame, FrameType, HEADER_SIZE, type Lane } from "../codec/frames.ts";
import type { SendChannel } from "./credit.ts";
import { type Outbound, PeerLied } from "./events.ts";
import { DOUBTED, LOST, Packer, Sent, UNWANTED, type Wanted } from "./flight.ts";
import { laneName } from "./names.ts";
import { Queue } from "./queue.ts";
import type { Flight, Path } from "./routing.ts";
import type { Rules } from "./rules.ts";

const NOWHERE: readonly Path[] = [];
const NOTHING: Moved = { bytes: 0, charge: 0, closes: [] };

/** What an acknowledgement moved: its bytes, what they charged, and the closes among the frames. */
export interface Moved {
  readonly bytes: number;
  readonly charge: number;
  readonly closes: readonly Sent[];
}

/** One lane of one direction. */
export class SendLane {
  readonly lane: Lane;
  readonly window: number;
  readonly #rules: Rules;
  next = 1;
  /** The oldest number that is not acknowledged. */
  base = 1;
  readonly unacked = new Queue<Sent>();
  /** Of the unacknowledged frames, headers too. */
  bytes = 0;
  /** Charged bytes that have no number yet. */
  queued = 0;
  /** Channels with something to send and, as far as is known, with credit. */
  readonly ready = new Queue<SendChannel>();
  /** Channels that wait for credit ... */
  starved = 0;
  /** ... and what of `queued` is theirs. */
  stuck = 0;
  /** To be sent again, oldest first. */
  readonly need = new Queue<Sent>();
  /** When an acknowledgement last moved this lane on, or it began to wait for one. */
  progress = 0;
  backoff = 1;
  /** A timeout has given up frames that are not sent again yet. */
  #givenUp = false;
  twice = 0;

  constructor(lane: Lane, window: number, rules: Rules) {
    this.lane = lane;
    this.window = window;
    this.#rules = rules;
  }

  // ---- new frames

  /** Whether something would go out now, had a path room for it. */
  get waits(): boolean {
    return this.ready.length > 0 || this.need.length > 0;
  }

  /** Whether so much more may be queued. What waits for credit does not count: it must stop no other channel. */
  takes(charge: number): boolean {
    return this.queued - this.stuck + this.bytes + charge <= this.window;
  }

  /** The first of the ready channels has no credit. */
  #starve(channel: SendChannel): void {
    this.ready.shift();
    this.starved += 1;
    this.stuck += channel.promised - channel.used;
    channel.ready = false;
    channel.starved = true;
  }

  /** A starved channel may have credit again. */
  feed(channel: SendChannel): void {
    this.starved -= 1;
    this.stuck -= channel.promised - channel.used;
    this.ready.push(channel);
    channel.starved = false;
    channel.ready = true;
  }

  /** Give `path` what it has room for; true if something waits for more: no lower lane may use this path then. */
  fill(path: Path, room: number, now: number, flights: Flight[]): boolean {
    const packer = new Packer(path, this.lane, room, flights);
    const blocked = (this.need.length > 0 && !this.#again(path, packer, now)) || !this.#new(path, packer, now);
    packer.flush();
    return blocked;
  }

  /** Number and pack queued frames; false if the path's room ended it. */
  #new(path: Path, packer: Packer, now: number): boolean {
    const { ready, lane } = this;
    const { chunk, frameCharge, frameWindow } = this.#rules;
    const life = path.life;
    const first = this.next;
    const before = this.bytes;
    let complete = true;
    if (ready.length && !this.unacked.length) this.#beginWaiting(now);
    for (let channel = ready.first; channel !== undefined; channel = ready.first) {
      const queue = channel.queue;
      const message = queue.first;
      if (message === undefined) throw new Error("a channel without a message is ready");
      const { payload, type: kind } = message;
      const offset = channel.offset;
      let size = payload.length - offset;
      const more = size > chunk;
      if (more) size = chunk;
      const charge = kind <= FrameType.VALUE ? size + frameCharge : 0;
      if (channel.used + charge > channel.limit) {
        // Without credit it gets no number, so that it cannot stop other channels.
        this.#starve(channel);
        continue;
      }
      const cost = size + HEADER_SIZE;
      if (this.bytes + cost > this.window || this.next - this.base >= frameWindow) break;
      if (cost > packer.room) {
        complete = false;
        break;
      }
      const part = more || offset ? payload.subarray(offset, offset + size) : payload;
      if (more) {
        channel.offset = offset + size;
        if (ready.length > 1) ready.rotate();
      } else {
        channel.offset = 0;
        queue.shift();
        if (!queue.length) {
          ready.shift();
          channel.ready = false;
        } else if (ready.length > 1) {
          ready.rotate();
        }
      }
      channel.used += charge;
      this.queued -= charge;
      const frame = new Frame(kind, lane, more, channel.number, this.next, part);
      this.next += 1;
      this.bytes += cost;
      const item = new Sent(frame, cost, charge, message, path.only, now, life.done);
      this.unacked.push(item);
      packer.add(item);
    }
    if (this.next > first) {
      life.inFlight += this.bytes - before;
      life.sent(now);
    }
    return complete;
  }

  #beginWaiting(now: number): void {
    this.progress = now;
    this.backoff = 1;
  }

  /** A frame that overtakes everything queued, with the next number: the bye. */
  insert(frame: Frame, message: Outbound, now: number): void {
    if (!this.unacked.length) this.#beginWaiting(now);
    const item = new Sent(frame, frame.payload.length + HEADER_SIZE, 0, message, NOWHERE, now, 0);
    item.alone = false;
    item.wanted = LOST;
    this.next += 1;
    this.bytes += item.cost;
    this.unacked.push(item);
    this.need.push(item);
  }

  // ---- frames sent again

  /** Pack what is to be sent again; false if the path's room ended it. */
  #again(path: Path, packer: Packer, now: number): boolean {
    const { need } = this;
    const life = path.life;
    for (let item = need.first; item !== undefined; item = need.first) {
      const carried = item.by.includes(path);
      if (item.frame.seq < this.base || !item.wanted || (item.wanted === DOUBTED && carried)) {
        item.wanted = UNWANTED;
        need.shift();
        continue;
      }
      if (item.cost > packer.room) return false;
      need.shift();
      if (!carried) {
        life.inFlight += item.cost;
        item.by = item.by.length ? [...item.by, path] : path.only;
      }
      item.wanted = UNWANTED;
      item.alone = false;
      item.at = now;
      item.doneBefore = life.done;
      if (item.frame.type !== FrameType.BYE) {
        this.twice += item.cost;
        path.resent += item.cost;
      }
      life.sent(now);
      packer.add(item);
    }
    return true;
  }

  /** Send again the unacknowledged frames that `chosen` names, in their order. */
  #want(chosen: (item: Sent) => boolean, why: Wanted): void {
    const need = this.need;
    need.clear();
    for (const item of this.unacked) {
      if (chosen(item) && item.wanted !== LOST) item.wanted = why;
      if (item.wanted) need.push(item);
    }
  }

  /** A path instance ended: what it alone carried is lost. */
  ended(path: Path): void {
    this.#want((item) => {
      if (item.by.includes(path)) item.leave(path);
      return !item.by.length;
    }, LOST);
  }

  /** These frames were not passed on by `path`. */
  lost(items: readonly Sent[], path: Path | undefined): void {
    if (path === undefined) return;
    const chosen = new Set<Sent>();
    for (const item of items) {
      if (item.frame.seq >= this.base && item.by.includes(path)) {
        item.leave(path);
        path.life.inFlight -= item.cost;
        if (!item.by.length) chosen.add(item);
      }
    }
    if (chosen.size) this.#want((item) => chosen.has(item), LOST);
  }

  /** A path is suspect: what it alone carries goes by another one too, should there be one. */
  doubt(path: Path): void {
    this.#want((item) => item.by.length === 1 && item.by[0] === path, DOUBTED);
  }

  /** A path is no longer suspect: what it carries needs no other. */
  trust(path: Path): void {
    this.need.filter((item) => {
      if (item.wanted === DOUBTED && item.by.includes(path)) item.wanted = UNWANTED;
      return item.wanted !== UNWANTED;
    });
  }

  /** When this lane has waited too long for an acknowledgement. */
  timeoutAt(path: Path): number {
    const rules = this.#rules;
    const wait = Math.max(rules.timeoutLeast, rules.timeoutRtts * (path.life.srtt ?? 0)) * this.backoff;
    return this.progress + Math.min(rules.timeoutMost, wait);
  }

  /** Send the oldest frames again. On the relay all of the lane counts as gone, or its room never returns. */
  timedOut(path: Path, now: number): void {
    this.progress = now;
    this.backoff *= 2;
    if (path.isRelay) {
      for (const item of this.unacked) {
        if (item.by.includes(path)) {
          item.leave(path);
          path.life.inFlight -= item.cost;
        }
      }
      this.#givenUp = true;
    }
    this.#wantOldest(this.#rules.timeoutBurst, () => true);
  }

  /** Send again the oldest of the frames that `chosen` names, at least one, in all `most` bytes; whether any. */
  #wantOldest(most: number, chosen: (item: Sent) => boolean): boolean {
    const found = new Set<Sent>();
    let size = 0;
    for (const item of this.unacked) {
      if (!chosen(item)) continue;
      size += item.cost;
      if (size > most && found.size) break;
      found.add(item);
    }
    this.#want((item) => found.has(item), LOST);
    return found.size > 0;
  }

  // ---- acknowledgements

  /** The peer wants frame `upto` next: forget those before it. Returns what moved. Throws PeerLied. */
  acknowledged(upto: number, path: Path, now: number): Moved {
    if (upto <= this.base) return NOTHING;
    if (upto > this.next) {
      const sent = this.next - 1;
      throw new PeerLied(`frame ${upto - 1} of lane ${laneName(this.lane)} acknowledged, ${sent} were sent`);
    }
    const unacked = this.unacked;
    let proved: Sent | undefined;
    let bytes = 0;
    let charge = 0;
    let run = 0;
    let by = NOWHERE;
    const touched = new Set<Path>();
    const closes: Sent[] = [];
    for (let seq = this.base; seq < upto; seq++) {
      const item = unacked.shift();
      if (item === undefined) throw new Error("a frame without an acknowledgement is missing");
      if (item.by !== by) {
        for (const other of by) other.life.released(run);
        for (const other of item.by) touched.add(other);
        run = 0;
        by = item.by;
      }
      run += item.cost;
      bytes += item.cost;
      charge += item.charge;
      if (by === path.only || by.includes(path)) proved = item;
      if (item.frame.type === FrameType.CLOSE) closes.push(item);
    }
    for (const other of by) other.life.released(run);
    this.base = upto;
    this.bytes -= bytes;
    this.#beginWaiting(now);
    if (proved !== undefined) {
      if (proved.alone) path.life.measured(proved.at, proved.doneBefore, now);
      path.life.prove(now);
    }
    for (const other of touched) if (other !== path) other.life.quieten();
    if (!unacked.length) this.need.clear();
    if (this.#givenUp) {
      // The first frames sent again have arrived: the others that a timeout gave up follow, as many bytes each.
      this.#givenUp = this.#wantOldest(bytes, (item) => !item.by.length && !item.wanted);
    }
    return { bytes, charge, closes };
  }
}
