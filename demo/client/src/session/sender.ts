/** Our direction of a session: channels, their queues, and the two lanes they share. */

import { Frame, FrameType, Lane } from "../codec/frames.ts";
import { type Acknowledgement, type Credit, type Opening, encodeBye, encodeOpen } from "../codec/payloads.ts";
import { type Budget, SendChannel, chargeOf } from "./credit.ts";
import { type Event, type Outbound, PeerLied } from "./events.ts";
import type { Sent } from "./flight.ts";
import { Flushes } from "./flushes.ts";
import { SendLane } from "./lane.ts";
import { laneName } from "./names.ts";
import type { Queue } from "./queue.ts";
import type { Flight, Path, Routes } from "./routing.ts";
import type { Rules } from "./rules.ts";

/** What this side sends. */
export class Sender {
  readonly #rules: Rules;
  readonly #budget: Budget;
  readonly #events: Queue<Event>;
  readonly lanes: readonly [reliable: SendLane, bulk: SendLane];
  readonly channels: Map<number, SendChannel>;
  #nextChannel = 1;
  /** Channels that somebody waits to send on. */
  readonly #wanting = new Map<number, SendChannel>();
  /** Somebody waits to send until other links need less: no event of this session will tell. */
  waitsForBudget = false;
  /** Closed channels whose end the peer has not told yet. */
  readonly #closing = new Map<number, SendChannel>();
  readonly #flushes: Flushes;
  /** The number of our bye. */
  byeAt: number | null = null;

  constructor(rules: Rules, budget: Budget, events: Queue<Event>) {
    this.#rules = rules;
    this.#budget = budget;
    this.#events = events;
    this.lanes = [
      new SendLane(Lane.RELIABLE, rules.reliableWindow, rules),
      new SendLane(Lane.BULK, rules.bulkWindow, rules),
    ];
    this.channels = new Map([[0, new SendChannel(0, "", Lane.RELIABLE, rules)]]);
    this.#flushes = new Flushes(events);
  }

  // ---- the application

  /** Open our direction of a channel. Throws RangeError if it is open already, or too many are. */
  open(opening: Opening): number {
    for (const channel of this.channels.values()) {
      // A close that has no number yet could still be overtaken by the new channel's open.
      const stillOpen = !channel.closed || channel.queue.length > 0;
      if (channel.label === opening.label && channel.lane === opening.lane && stillOpen) {
        const label = JSON.stringify(opening.label);
        throw new RangeError(`channel ${label} is open already on the ${laneName(opening.lane)} lane`);
      }
    }
    if (this.channels.size >= this.#rules.channels) {
      throw new RangeError(`${this.#rules.channels} channels are open on this link: close one first`);
    }
    const payload = encodeOpen(opening);
    const number = this.#nextChannel++;
    const channel = new SendChannel(number, opening.label, opening.lane, this.#rules);
    this.channels.set(number, channel);
    this.#queue(channel, { channel: number, type: FrameType.OPEN, payload, context: null }, 0);
    return number;
  }

  /** Whether a message of `size` has room now; if not, a SendReady comes when it may. */
  canSend(number: number, size: number): boolean {
    const channel = this.#channel(number);
    if (this.#hasRoom(channel, size)) return true;
    channel.wanted = channel.wanted === null ? size : Math.min(size, channel.wanted);
    this.#wanting.set(number, channel);
    return false;
  }

  #channel(number: number): SendChannel {
    const channel = this.channels.get(number);
    if (channel === undefined || channel.closed || channel.lane === Lane.DATAGRAM) {
      throw new RangeError(`channel ${number} is closed, or takes datagrams only`);
    }
    return channel;
  }

  #hasRoom(channel: SendChannel, size: number): boolean {
    const charge = chargeOf(FrameType.BYTES, size, this.#rules);
    if (!this.#budget.hasRoom(charge)) {
      this.waitsForBudget = true;
      return false;
    }
    if (!channel.queue.length) return true;
    return channel.promised + charge <= channel.limit && this.#laneOf(channel).takes(charge);
  }

  /** Where a channel's frames travel; a datagram channel's open and close, on the reliable lane. */
  #laneOf(channel: SendChannel): SendLane {
    return this.lanes[channel.lane === Lane.BULK ? 1 : 0];
  }

  /** Queue a message. Throws RangeError if it is too large for its lane or the channel is closed. */
  send(number: number, type: FrameType, payload: Uint8Array, context: unknown): Outbound {
    const channel = this.#channel(number);
    const rules = this.#rules;
    const size = payload.length;
    if (size > rules.reliableMessage && (size > rules.bulkMessage || channel.lane === Lane.RELIABLE)) {
      throw new RangeError(tooLarge(size, channel.lane, rules));
    }
    const message = { channel: number, type, payload, context };
    this.#queue(channel, message, chargeOf(type, size, rules));
    return message;
  }

  #queue(channel: SendChannel, message: Outbound, charge: number): void {
    channel.queue.push(message);
    channel.promised += charge;
    this.#budget.take(charge);
    const lane = this.#laneOf(channel);
    lane.queued += charge;
    if (channel.starved) {
      lane.stuck += charge;
    } else if (!channel.ready && this.byeAt === null) {
      channel.ready = true;
      lane.ready.push(channel);
    }
  }

  /** Say, after what is queued, that no more comes on this channel. Closing twice does nothing. */
  closeChannel(number: number): void {
    const channel = this.channels.get(number);
    if (channel === undefined || channel.closed) return;
    channel.closed = true;
    this.#closing.set(number, channel);
    if (this.#wanting.delete(number)) {
      this.#events.push({ type: "SendReady", channel: number }); // whoever waits shall see that it is closed
    }
    this.#queue(channel, { channel: number, type: FrameType.CLOSE, payload: new Uint8Array(0), context: null }, 0);
  }

  /** A mark that is `Flushed` once the peer has handled everything sent before. */
  flush(): number {
    return this.#flushes.mark(this.channels.values());
  }

  /** End our direction: what has no number yet will not be sent. */
  bye(now: number): void {
    const [reliable, bulk] = this.lanes;
    this.byeAt = reliable.next;
    for (const lane of this.lanes) {
      lane.ready.clear();
      lane.starved = lane.stuck = 0;
    }
    for (const channel of this.channels.values()) channel.ready = channel.starved = false;
    const payload = encodeBye(reliable.next - 1, bulk.next - 1);
    const frame = new Frame(FrameType.BYE, Lane.RELIABLE, false, 0, reliable.next, payload);
    reliable.insert(frame, { channel: 0, type: FrameType.BYE, payload, context: null }, now);
  }

  /** Whether the peer has our bye. */
  get byeAcknowledged(): boolean {
    return this.byeAt !== null && this.lanes[0].base > this.byeAt;
  }

  // ---- what waits

  /** Whether anything waits for the peer: acknowledgements, credit, a flush, a close. */
  get outstanding(): boolean {
    if (this.lanes.some((lane) => lane.unacked.length > 0 || lane.starved > 0)) return true;
    return this.#flushes.waiting.size > 0 || this.byeAt !== null;
  }

  /** Whether something would go out now, had a path room for it. */
  get waitsToGo(): boolean {
    const { lanes } = this;
    return lanes[0].waits || lanes[1].waits;
  }

  /** There is a path again: the time without one is no lateness. */
  resumed(now: number): void {
    for (const lane of this.lanes) lane.progress = Math.max(lane.progress, now);
  }

  /** What goes out now. Bulk never goes ahead of reliable on a path. */
  fill(routes: Routes, now: number, flights: Flight[]): void {
    const { 0: reliable, 1: bulk } = this.lanes;
    let blocked: Path | null = null;
    if (reliable.waits) {
      const path = routes.route(Lane.RELIABLE, now);
      if (path !== null && reliable.fill(path, routes.room(path, now), now, flights)) blocked = path;
    }
    if (bulk.waits) {
      const path = routes.route(Lane.BULK, now);
      if (path !== null && path !== blocked) bulk.fill(path, routes.bulkRoom(path, now), now, flights);
    }
    if (this.#wanting.size) this.wake();
  }

  /** Tell those that wait to send and now may. */
  wake(): void {
    this.waitsForBudget = false;
    for (const [number, channel] of this.#wanting) {
      if (this.#hasRoom(channel, channel.wanted ?? 0)) {
        channel.wanted = null;
        this.#wanting.delete(number);
        this.#events.push({ type: "SendReady", channel: number });
      }
    }
  }

  // ---- what the peer tells

  /** An ACK, or a PONG, which is `whole`: it names all channels. Returns the bytes that moved. Throws PeerLied. */
  acknowledged(told: Acknowledgement, path: Path, whole: boolean, now: number): number {
    let bytes = 0;
    let charge = 0;
    for (const lane of this.lanes) {
      const moved = lane.acknowledged(lane.lane === Lane.BULK ? told.bulk : told.reliable, path, now);
      bytes += moved.bytes;
      charge += moved.charge;
      for (const item of moved.closes) {
        const channel = this.channels.get(item.frame.channel);
        if (channel !== undefined) channel.closedAt = item.frame.seq;
      }
    }
    this.#budget.give(charge);
    for (const credit of told.credits) this.#granted(credit);
    if (this.#closing.size) this.#finish(told, whole);
    if (this.#wanting.size) this.wake();
    return bytes;
  }

  #granted([number, limit, handled]: Credit): void {
    const channel = this.channels.get(number);
    if (channel === undefined) {
      if (number >= this.#nextChannel) throw new PeerLied(`credit for channel ${number}, which was never opened`);
      return;
    }
    if (!channel.grant(limit, handled, this.#rules)) return;
    if (channel.starved) this.#laneOf(channel).feed(channel);
    this.#flushes.handled(channel);
  }

  /**
   * Forget closed channels that the peer has forgotten.
   *
   * A pong names every channel that the peer still knows. So one whose close that very pong acknowledges, and that it
   * does not name, has been handled to the end, whatever became of the acknowledgement that said so. (A pong that was
   * overtaken may have been written before the peer knew the channel.)
   */
  #finish(told: Acknowledgement, whole: boolean): void {
    const named = whole ? new Set(told.credits.map((credit) => credit[0])) : null;
    for (const [number, channel] of this.#closing) {
      if (channel.closedAt === null) continue;
      const next = channel.lane === Lane.BULK ? told.bulk : told.reliable;
      if (named !== null && !named.has(number) && next > channel.closedAt && channel.handled < channel.promised) {
        channel.handled = channel.promised;
        this.#flushes.handled(channel);
      }
      if (channel.finished) {
        this.#closing.delete(number);
        this.channels.delete(number);
        this.#wanting.delete(number);
      }
    }
  }

  // ---- the end

  /** Everything that was not acknowledged, in order within each channel; nothing of it will be sent any more. */
  end(): Outbound[] {
    const found = new Set<Outbound>();
    const report = (message: Outbound) => {
      if (message.type <= FrameType.VALUE) found.add(message);
    };
    let charged = 0;
    for (const lane of this.lanes) {
      for (const item of lane.unacked) {
        charged += item.charge;
        report(item.message);
      }
      charged += lane.queued;
      lane.unacked.clear();
      lane.need.clear();
      lane.ready.clear();
      lane.bytes = lane.queued = lane.starved = lane.stuck = 0;
    }
    for (const channel of this.channels.values()) {
      for (const message of channel.queue) report(message);
      channel.queue.clear();
      channel.starved = channel.ready = false;
    }
    this.#budget.give(charged);
    this.#flushes.waiting.clear();
    this.#closing.clear();
    this.#wanting.clear();
    return [...found];
  }

  /** A path instance ended. */
  pathEnded(path: Path): void {
    for (const lane of this.lanes) lane.ended(path);
  }

  /** What a flight carried did not arrive. */
  lost(items: readonly Sent[], path: Path | undefined): void {
    for (const lane of this.lanes) {
      const mine = items.filter((item) => item.frame.lane === lane.lane);
      if (mine.length) lane.lost(mine, path);
    }
  }
}

/** Why a message of `size` cannot be sent on `lane`, and what to do. */
export function tooLarge(size: number, lane: Lane, rules: Rules): string {
  if (lane === Lane.RELIABLE && size <= rules.bulkMessage) {
    return `${size} bytes are too large for the reliable lane (${rules.reliableMessage}): use the bulk lane`;
  }
  const most = lane === Lane.RELIABLE ? rules.reliableMessage : rules.bulkMessage;
  return `${size} bytes are too large for the ${laneName(lane)} lane (${most}): send it in pieces`;
}
