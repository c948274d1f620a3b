/** One session, and a peer played by the test: frames by hand. */

import { Frame, FrameType, Lane } from "../../src/codec/frames.ts";
import { type Credit, decodePing, encodeAck, encodePong } from "../../src/codec/payloads.ts";
import { DirectInstance, type Event, type Instance, RelayInstance } from "../../src/session/events.ts";
import type { Flight } from "../../src/session/routing.ts";
import { RULES, type Rules } from "../../src/session/rules.ts";
import { Session } from "../../src/session/session.ts";
import type { Budget } from "../../src/session/credit.ts";

export const RELAY = new RelayInstance(1, 1);
export const DIRECT = new DirectInstance(1);

/** What is special about a frame of the peer. */
interface Data {
  channel?: number;
  lane?: Lane;
  more?: boolean;
  kind?: FrameType;
  seq?: number;
}

/** A session with its clock; it has a relay, a direct path, or both. */
export class Single {
  now = 100;
  readonly session: Session;
  readonly seq: Record<Lane, number> = { 0: 1, 1: 1, 2: 0 };

  constructor({ relay = true, direct = false, rules = RULES as Rules, budget = null as Budget | null } = {}) {
    this.session = new Session(this.now, { rules, budget });
    if (relay) this.session.pathOpened(RELAY, this.now);
    if (direct) {
      this.session.pathOpened(DIRECT, this.now);
      this.pong(DIRECT);
    }
    this.events();
  }

  // ---- what the session gives

  /** What goes out now; the send buffers take it at once. */
  flights(): Flight[] {
    const flights = this.session.framesToSend(this.now);
    for (const instance of [RELAY, DIRECT]) this.session.pathWaiting(instance, 0, this.now);
    return flights;
  }

  /** The frames of these types (or all) that go out now. */
  frames(...kinds: FrameType[]): Frame[] {
    return this.flights().flatMap(({ frames }) => frames.filter(({ type }) => !kinds.length || kinds.includes(type)));
  }

  /** The events that have come. */
  events(): Event[] {
    const found: Event[] = [];
    for (let event = this.session.nextEvent(); event !== null; event = this.session.nextEvent()) found.push(event);
    return found;
  }

  /** The messages that have come, as text. */
  messages(): string[] {
    return this.events().flatMap((event) => (event.type === "MessageReceived" ? [textOf(event.payload)] : []));
  }

  /** Why the session failed, if it did. */
  failure(): string | null {
    for (const event of this.events()) if (event.type === "SessionFailed") return event.reason;
    return null;
  }

  /** Time passes, and timers are called when they are due; what went out meanwhile. */
  wait(seconds: number): Flight[] {
    const end = this.now + seconds;
    const flights: Flight[] = [];
    let turns = 0;
    for (let due = this.session.nextTimeout(); due !== null && due <= end; due = this.session.nextTimeout()) {
      if (++turns > 100_000) throw new Error("the session never rests");
      this.now = Math.max(this.now, due);
      this.session.handleTimeout(this.now);
      flights.push(...this.flights());
    }
    this.now = end;
    return flights;
  }

  /** Send a message. */
  send(payload: Uint8Array | string, channel = 0): void {
    this.session.send(channel, FrameType.BYTES, typeof payload === "string" ? bytes(payload) : payload, this.now);
  }

  // ---- what the peer does

  /** A packet comes. */
  receive(by: Instance, ...frames: Frame[]): void {
    this.session.receive(by, frames, this.now);
  }

  /** The peer's next frame on a lane, or that with a given number. */
  data(payload: Uint8Array | string, { channel = 0, lane = Lane.RELIABLE, more = false, kind = FrameType.BYTES, seq }: Data = {}): Frame {
    const number = seq ?? this.seq[lane]++;
    return new Frame(kind, lane, more, channel, number, typeof payload === "string" ? bytes(payload) : payload);
  }

  /** An acknowledgement comes. */
  ack(reliable = 1, bulk = 1, credits: Credit[] = [], by: Instance = RELAY): void {
    this.receive(by, control(FrameType.ACK, encodeAck(reliable, bulk, credits)));
  }

  /** A pong comes. */
  told(number: number, reliable: number, bulk = 1, credits: Credit[] = [], by: Instance = RELAY): void {
    this.receive(by, control(FrameType.PONG, encodePong(number, encodeAck(reliable, bulk, credits))));
  }

  /** The peer answers the pings that go out by a path now; how many they were. */
  pong(by: Instance, reliable = 1, bulk = 1): number {
    const flights = this.flights().filter(({ instance }) => instance.key === by.key);
    const pings = flights.flatMap(({ frames }) => frames.filter(({ type }) => type === FrameType.PING));
    for (const ping of pings) this.told(decodePing(ping.payload)[0], reliable, bulk, [], by);
    return pings.length;
  }
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function textOf(payload: Uint8Array): string {
  return new TextDecoder().decode(payload);
}

/** A frame without a number. */
export function control(type: FrameType, payload: Uint8Array): Frame {
  return new Frame(type, Lane.DATAGRAM, false, 0, 0, payload);
}
