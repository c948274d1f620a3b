/** Which path a lane takes, and how much room a path has (rules S6 and S7). */

import { type Frame, HEADER_SIZE, Lane, encodePacket } from "../codec/frames.ts";
import type { DirectInstance, Instance } from "./events.ts";
import type { Sent } from "./flight.ts";
import { Liveness } from "./liveness.ts";
import type { Rules } from "./rules.ts";

export const FOREVER = Infinity;

/** What goes as one packet by one path. `size` is the packet's, before any seal. */
export class Flight {
  readonly instance: Instance;
  readonly lane: Lane;
  readonly frames: Frame[];
  /** The sequenced ones among them, as the sender keeps them. */
  readonly items: readonly Sent[];
  size: number;

  constructor(instance: Instance, lane: Lane, frames: Frame[], items: readonly Sent[], size: number) {
    this.instance = instance;
    this.lane = lane;
    this.frames = frames;
    this.items = items;
    this.size = size;
  }

  /** The packet. */
  encode(): Uint8Array {
    return encodePacket(this.frames);
  }
}

/** What a session knows of one path instance. */
export class Path {
  readonly instance: Instance;
  readonly isRelay: boolean;
  readonly life: Liveness;
  /** Bytes in its send buffer; on the relay also those the server has not acknowledged. */
  waiting = 0;
  /** Bytes that may be unacknowledged before the path is confirmed; null once it is. */
  most: number | null;
  confirmed: boolean;
  /** The paths of a frame that went by this one alone: one list, shared by all such frames. */
  readonly only: readonly Path[] = [this];
  readonly packet: number;
  unackedMost: number;
  busyUntil = 0;
  /** A sequenced frame came by this path since the last acknowledgement. */
  ackOwed = false;
  pongsOwed: number[] = [];
  /** Pings that wait for the next turn. */
  control: Frame[] = [];
  sent = 0;
  received = 0;
  resent = 0;
  readonly #pongsMost: number;

  constructor(instance: Instance, rules: Rules, now: number, most: number | null) {
    this.instance = instance;
    this.isRelay = instance.type === "relay";
    this.life = new Liveness(rules, now);
    this.most = most;
    this.confirmed = most === null;
    this.packet = this.isRelay ? rules.relayPacket : rules.directPacket;
    this.unackedMost = rules.relayUnacked;
    this.#pongsMost = rules.pongsMost;
  }

  /** A packet was handed out for this path: it waits there until we are told otherwise. */
  gave(size: number): void {
    this.waiting += size;
    this.sent += size;
  }

  /** A ping of the peer is to be answered; of many in one turn the last are. */
  owePong(number: number): void {
    this.pongsOwed.push(number);
    if (this.pongsOwed.length > this.#pongsMost) this.pongsOwed.shift();
  }

  /** A datagram goes out: it is outstanding until the pong to a later ping. */
  datagram(now: number): void {
    this.life.datagramAt = now;
    this.life.sent(now);
  }
}

/** A path that is a direct attempt. */
export type DirectPath = Path & { readonly instance: DirectInstance };

/** Whether a path is a direct attempt. */
export function isDirect(path: Path): path is DirectPath {
  return !path.isRelay;
}

/** The paths there are, and the choice among them. */
export class Routes {
  readonly #rules: Rules;
  readonly paths = new Map<string, Path>();
  relay: Path | null = null;
  /** The adopted attempt. */
  direct: DirectPath | null = null;
  /** Attempts that have opened and have not answered a ping yet. */
  fresh: DirectPath[] = [];
  #busyWait: number;
  #everBusy = false;

  constructor(rules: Rules) {
    this.#rules = rules;
    this.#busyWait = rules.busyWait;
  }

  /** A path has opened. */
  open(instance: Instance, now: number, most: number | null): Path {
    const path = new Path(instance, this.#rules, now, most);
    this.paths.set(instance.key, path);
    if (isDirect(path)) {
      this.fresh.push(path);
    } else {
      this.relay = path;
      path.life.lastPing = now;
    }
    return path;
  }

  /** The path of an instance; undefined if there is none (any more). */
  get(instance: Instance): Path | undefined {
    return this.paths.get(instance.key);
  }

  /** A path has ended; it is returned if it was known. */
  end(instance: Instance): Path | undefined {
    const path = this.paths.get(instance.key);
    if (path === undefined) return undefined;
    this.paths.delete(instance.key);
    if (path === this.relay) this.relay = null;
    else if (path === this.direct) this.direct = null;
    else this.fresh = this.fresh.filter((one) => one !== path);
    return path;
  }

  /** A fresh attempt is the direct path from now on; older fresh ones will not be any more. */
  adopt(path: DirectPath): void {
    this.direct = path;
    this.fresh = this.fresh.filter((one) => one.instance.attempt > path.instance.attempt);
  }

  /** The direct path, if it is suspect. */
  suspect(): DirectPath | null {
    return this.direct?.life.suspect ? this.direct : null;
  }

  /** The path that a new frame of `lane` takes now. */
  route(lane: Lane, now: number): Path | null {
    const { direct, relay } = this;
    if (direct === null) return relay;
    if (!direct.life.suspect || relay === null) return direct;
    if (lane === Lane.BULK && now < direct.life.since + this.#rules.bulkPause) return null;
    return relay;
  }

  /** How many bytes may go to `path` now. An empty path always takes one frame. */
  room(path: Path, now: number): number {
    const rules = this.#rules;
    const life = path.life;
    const queue = Math.min(Math.max(rules.queueTime * life.rate, rules.queueLeast), rules.queueMost);
    if (!path.isRelay) {
      return path.waiting <= 0 ? Math.max(queue, rules.chunk + HEADER_SIZE) : queue - path.waiting;
    }
    if (now < path.busyUntil) return 0;
    // What is on its way to the server does not wait: rate times the shortest round trip, beside the queue.
    const least = life.least ?? 0;
    let room = Math.max(rules.relayQueueLeast, queue) + life.rate * least - path.waiting;
    const unacked = Math.max(rules.relayUnacked, life.rate * (least + rules.relayUnackedTime));
    room = Math.min(room, Math.min(path.unackedMost, unacked) - life.inFlight);
    if (path.most !== null) room = Math.min(room, path.most - life.inFlight);
    return room;
  }

  /**
   * How many bytes of bulk may go to `path` now: on the relay nothing until a quarter of its room is free.
   *
   * What goes out in one turn is one event for the server. Filling every gap at once would make each event small,
   * and an event costs far more than the bytes in it.
   */
  bulkRoom(path: Path, now: number): number {
    const room = this.room(path, now);
    return !path.isRelay || path.waiting <= 3 * room ? room : 0;
  }

  /** How many bytes of datagrams may go to `path` now: a little even where bulk keeps the queue full. */
  datagramRoom(path: Path, now: number): number {
    if (!path.confirmed || now < path.busyUntil) return 0;
    return this.room(path, now) + this.#rules.queueLeast;
  }

  /** The server's `busy` or `rate-limited`: wait, and leave half as much unacknowledged. */
  busy(path: Path, now: number): void {
    if (now < path.busyUntil) return;
    this.#everBusy = true;
    path.busyUntil = now + this.#busyWait;
    this.#busyWait = Math.min(this.#rules.busyWaitMost, this.#busyWait * 2);
    path.unackedMost = Math.max(this.#rules.relayUnackedLeast, Math.floor(path.unackedMost / 2));
  }

  /** The server's `away` or `unknown-peer`: the instance will end; should it not, try again now and then. */
  gone(path: Path, now: number): void {
    path.busyUntil = Math.max(path.busyUntil, now + this.#rules.busyWaitMost);
  }

  /** An acknowledgement that came by the relay moved so many bytes: more may be left unacknowledged. */
  progress(path: Path, acknowledged: number): void {
    const rules = this.#rules;
    this.#busyWait = rules.busyWait;
    const step = this.#everBusy ? rules.relayUnackedStep : Math.max(acknowledged, rules.relayUnackedStep);
    path.unackedMost = Math.min(rules.relayUnackedMost, path.unackedMost + step);
  }
}
