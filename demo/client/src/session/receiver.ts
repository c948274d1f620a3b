/** The peer's direction of a session: order, whole messages, credit, and what is to be acknowledged (rules S3, S4). */

import { type Frame, FrameType, HEADER_SIZE, Lane } from "../codec/frames.ts";
import { type Credit, decodeBye, decodeDatagram, decodeOpen } from "../codec/payloads.ts";
import { type Event, type PathName, PeerLied } from "./events.ts";
import { laneName, messageName } from "./names.ts";
import type { Queue } from "./queue.ts";
import type { Rules } from "./rules.ts";

/** Datagrams this far behind the newest can still be told from copies. */
const REMEMBERED = 256;
/** A kept view may hold on to a buffer at most so many times as large. */
const KEPT_BUFFER = 8;

/** One lane's order. */
class ReceiveLane {
  readonly #window: number;
  readonly #frames: number;
  next = 1;
  /** Frames that came before their turn. */
  readonly buffer = new Map<number, Frame>();
  buffered = 0;

  constructor(window: number, frames: number) {
    this.#window = window;
    this.#frames = frames;
  }

  /** Keep a frame that is not the next. What is old, here already, or beyond the window is dropped. */
  keep(frame: Frame): void {
    const seq = frame.seq;
    if (seq < this.next || this.buffer.has(seq) || seq >= this.next + this.#frames) return;
    const size = frame.payload.length + HEADER_SIZE;
    if (this.buffered + size <= this.#window) {
      this.buffer.set(seq, frame);
      this.buffered += size;
    }
  }

  /** The kept frame whose turn it is now, if it is here. */
  release(): Frame | undefined {
    const frame = this.buffer.get(this.next);
    if (frame !== undefined) {
      this.buffer.delete(this.next);
      this.buffered -= frame.payload.length + HEADER_SIZE;
      this.next += 1;
    }
    return frame;
  }
}

/** The peer's direction of a channel. Credit counts charged bytes: `handled` <= `received` <= `limit`. */
export class ReceiveChannel {
  readonly number: number;
  readonly label: string;
  readonly lane: Lane;
  window: number;
  limit: number;
  received = 0;
  handled = 0;
  /** The chunks of a message that has not come whole; their type, size and charge beside. */
  parts: Uint8Array[] = [];
  type: FrameType = FrameType.BYTES;
  size = 0;
  charge = 0;
  /** Whole messages that are not handled. */
  pending = 0;
  closed = false;
  listening = false;
  /** The newest datagram's number, and which of those before it came, by their numbers modulo `REMEMBERED`. */
  #newest = 0;
  readonly #seen: Uint8Array;

  constructor(number: number, label: string, lane: Lane, window: number) {
    this.number = number;
    this.label = label;
    this.lane = lane;
    this.window = this.limit = window;
    this.#seen = new Uint8Array(lane === Lane.DATAGRAM ? REMEMBERED : 0);
  }

  /** Raise the limit, by half a window at least, or as far as it goes when no message waits; whether it was. */
  grow(): boolean {
    const limit = this.handled + this.window;
    if (limit > this.limit && (!this.pending || limit - this.limit >= Math.floor(this.window / 2))) {
      this.limit = limit;
      return true;
    }
    return false;
  }

  /** Whether a datagram came before, or is too old to know. */
  isCopy(number: number): boolean {
    const seen = this.#seen;
    const ahead = (number - this.#newest) | 0; // numbers wrap at 2^32
    if (ahead > 0) {
      if (ahead >= REMEMBERED) seen.fill(0);
      else for (let skipped = 1; skipped < ahead; skipped++) seen[(this.#newest + skipped) % REMEMBERED] = 0;
      this.#newest = number;
    } else if (-ahead >= REMEMBERED || seen[number % REMEMBERED]) {
      return true;
    }
    seen[number % REMEMBERED] = 1;
    return false;
  }
}

/** What the peer sends. */
export class Receiver {
  readonly #rules: Rules;
  readonly #events: Queue<Event>;
  readonly lanes: readonly [reliable: ReceiveLane, bulk: ReceiveLane];
  readonly channels: Map<number, ReceiveChannel>;
  /** Channels whose limit or handled count the peer has not been told. */
  readonly dirty = new Map<number, ReceiveChannel>();
  /** The path of the packet that is being received. */
  path: PathName = "relay";
  /** The last bulk number before the peer's bye, once that has come. */
  bye: number | null = null;

  constructor(rules: Rules, events: Queue<Event>) {
    this.#rules = rules;
    this.#events = events;
    this.lanes = [
      new ReceiveLane(rules.reliableWindow, rules.frameWindow),
      new ReceiveLane(rules.bulkWindowMost, rules.frameWindow),
    ];
    this.channels = new Map([[0, new ReceiveChannel(0, "", Lane.RELIABLE, rules.firstCredit)]]);
  }

  /** A frame with a number: taken now, kept for its turn, or dropped. Throws PeerLied. */
  sequenced(frame: Frame): void {
    const lane = this.lanes[frame.lane === Lane.BULK ? 1 : 0];
    if (frame.seq !== lane.next) {
      lane.keep(frame);
      return;
    }
    lane.next += 1;
    this.#take(frame);
    if (!lane.buffer.size) return;
    for (let kept = lane.release(); kept !== undefined; kept = lane.release()) this.#take(kept);
  }

  /** A frame whose turn it is. */
  #take(frame: Frame): void {
    const kind = frame.type;
    if (this.bye !== null && (frame.lane === Lane.RELIABLE || frame.seq > this.bye)) {
      throw new PeerLied("frames after the bye");
    }
    if (kind > FrameType.VALUE) {
      this.#takeOther(frame);
      return;
    }
    const channel = this.channels.get(frame.channel);
    if (channel === undefined || channel.closed || channel.lane !== frame.lane) {
      const lane = laneName(frame.lane);
      throw new PeerLied(`a message on channel ${frame.channel} of lane ${lane}, which is not open`);
    }
    const payload = frame.payload;
    const charge = payload.length + this.#rules.frameCharge;
    channel.received += charge;
    if (channel.received > channel.limit) throw new PeerLied(`channel ${channel.number}: sent beyond its credit`);
    if (frame.more || channel.parts.length) this.#assemble(channel, frame, charge);
    // A copy: the application shall not hold a whole packet because of one message in it.
    else this.#arrived(channel, kind, payload.slice(), charge);
  }

  #arrived(channel: ReceiveChannel, kind: FrameType, payload: Uint8Array, charge: number): void {
    channel.pending += 1;
    const { lane, number } = channel;
    this.#events.push({ type: "MessageReceived", channel: number, kind, payload, charge, lane, path: this.path });
  }

  /** One chunk of several. */
  #assemble(channel: ReceiveChannel, frame: Frame, charge: number): void {
    const rules = this.#rules;
    if (!channel.parts.length) {
      channel.type = frame.type;
      channel.size = channel.charge = 0;
    } else if (frame.type !== channel.type) {
      const [one, other] = [messageName(frame.type), messageName(channel.type)];
      throw new PeerLied(`channel ${channel.number}: a ${one} in the midst of a ${other}`);
    }
    channel.parts.push(kept(frame.payload));
    channel.size += frame.payload.length;
    channel.charge += charge;
    if (channel.size > (frame.lane === Lane.BULK ? rules.bulkMessage : rules.reliableMessage)) {
      throw new PeerLied(`channel ${channel.number}: a message without end`);
    }
    if (frame.more) return;
    const payload = new Uint8Array(channel.size);
    let at = 0;
    for (const part of channel.parts) {
      payload.set(part, at);
      at += part.length;
    }
    channel.parts = [];
    this.#arrived(channel, frame.type, payload, channel.charge);
  }

  /** An open, a close or a bye. */
  #takeOther(frame: Frame): void {
    if (frame.type === FrameType.BYE) {
      const [reliable, bulk] = decodeBye(frame.payload);
      if (reliable !== frame.seq - 1 || bulk < this.lanes[1].next - 1) {
        throw new PeerLied("a bye that does not fit what came before it");
      }
      this.bye = bulk;
    } else if (frame.type === FrameType.OPEN) {
      this.#open(frame);
    } else {
      this.#close(frame);
    }
  }

  #open(frame: Frame): void {
    const number = frame.channel;
    const rules = this.#rules;
    const { label, kind, lane, settings } = decodeOpen(frame.payload);
    if (wireLane(lane) !== frame.lane) {
      throw new PeerLied(`channel ${number} of lane ${laneName(lane)} opened on lane ${laneName(frame.lane)}`);
    }
    if (number <= 0 || this.channels.has(number)) throw new PeerLied(`channel ${number} opened twice`);
    if (this.channels.size >= rules.channels) throw new PeerLied(`more than ${rules.channels} channels`);
    for (const other of this.channels.values()) {
      if (other.label === label && other.lane === lane && !other.closed) {
        throw new PeerLied(`a second channel ${JSON.stringify(label)} on lane ${laneName(lane)}`);
      }
    }
    this.channels.set(number, new ReceiveChannel(number, label, lane, rules.firstCredit));
    this.#events.push({ type: "ChannelOpened", channel: number, label, lane, kind, settings });
  }

  #close(frame: Frame): void {
    const channel = this.channels.get(frame.channel);
    if (channel === undefined || channel.closed || wireLane(channel.lane) !== frame.lane || channel.parts.length) {
      throw new PeerLied(`a close of channel ${frame.channel} that makes no sense`);
    }
    channel.closed = true;
    this.#events.push({ type: "ChannelClosed", channel: channel.number });
    this.#forget(channel);
  }

  /** Forget a closed channel once everything on it has been handled. A pong that leaves it out says so. */
  #forget(channel: ReceiveChannel): void {
    if (channel.closed && !channel.pending) this.channels.delete(channel.number);
  }

  /** A datagram; dropped if its channel is not open or it is a copy. */
  datagram(frame: Frame): void {
    const channel = this.channels.get(frame.channel);
    if (channel === undefined || channel.lane !== Lane.DATAGRAM) return;
    const [number, payload] = decodeDatagram(frame.payload);
    if (channel.isCopy(number)) return;
    this.#events.push({
      type: "DatagramReceived",
      channel: channel.number,
      number,
      kind: frame.type,
      payload: payload.slice(),
      path: this.path,
    });
  }

  // ---- the application

  /** Something listens: the channel's window grows to its full size. Whether the peer must be told. */
  listen(number: number): boolean {
    const channel = this.channels.get(number);
    if (channel === undefined || channel.lane === Lane.DATAGRAM || channel.listening) return false;
    const rules = this.#rules;
    channel.listening = true;
    channel.window = channel.lane === Lane.BULK ? rules.bulkCredit : rules.reliableCredit;
    channel.limit = Math.max(channel.limit, channel.handled + channel.window);
    this.dirty.set(number, channel);
    return true;
  }

  /** The application has handled its oldest message of this channel. Throws RangeError if none waits. */
  handled(number: number, charge: number): void {
    const channel = this.channels.get(number);
    if (channel === undefined || !channel.pending) {
      throw new RangeError(`nothing of channel ${number} waits to be handled`);
    }
    channel.pending -= 1;
    channel.handled += charge;
    channel.grow();
    this.dirty.set(number, channel);
    if (channel.closed) this.#forget(channel);
  }

  // ---- what the peer is told

  /** The limits to tell: those that changed, or all of them. */
  credits(every: boolean): Credit[] {
    const credits: Credit[] = [];
    for (const channel of (every ? this.channels : this.dirty).values()) {
      if (channel.lane !== Lane.DATAGRAM) credits.push([channel.number, channel.limit, channel.handled]);
    }
    return credits;
  }

  /** Whether the peer's bye has come, and everything it sent before. */
  get complete(): boolean {
    return this.bye !== null && this.lanes[1].next > this.bye;
  }
}

/** The lane on which a channel's open and close travel: a datagram channel's is the reliable one. */
function wireLane(lane: Lane): Lane {
  return lane === Lane.DATAGRAM ? Lane.RELIABLE : lane;
}

/** A chunk that may be kept: a small view of a large packet is copied, or a peer could fill our memory cheaply. */
function kept(payload: Uint8Array): Uint8Array {
  return payload.length * KEPT_BUFFER < payload.buffer.byteLength ? payload.slice() : payload;
}
