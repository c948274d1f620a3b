/**
 * One program of a simulation of whole links: a link core, what drives it, and an application that keeps books.
 *
 * Messages are numbered on each lane, through all sessions and lives of the program.
 */

import { FrameType, Lane } from "../../src/codec/frames.ts";
import type { DirectInstance, Outbound } from "../../src/session/events.ts";
import type { LinkCore } from "../../src/session/link-core.ts";
import type { LinkEvent, Outgoing } from "../../src/session/link-events.ts";
import type { Rules } from "../../src/session/rules.ts";
import { Broken, type Clock, type Direct, type End, type Index, type Parcel } from "./network.ts";
import type { Program } from "./pair.ts";
import { SMALL, content, same } from "./side.ts";
import type { Weather } from "./weather.ts";

export const LANES = [Lane.RELIABLE, Lane.BULK] as const;
type Book<T> = Record<(typeof LANES)[number], T>;

/** What goes by a path. */
export interface Sealed extends Parcel {
  readonly outgoing: Outgoing;
}

/** The handshakes' rules are those of a small session; a packet of the relay must hold what message 1 carries. */
const RULES: Rules = SMALL;

/** One program's link to the other, and what its application has seen. */
export class LinkSide implements End<Sealed> {
  readonly index: Index;
  readonly clock: Clock;
  readonly program: Program;
  core!: LinkCore; // by begin
  peer!: LinkSide; // set when both are made
  weather!: Weather<Sealed>; // likewise
  /** Sizes of the messages that were sent. */
  readonly sent: Book<number[]> = { 0: [], 1: [] };
  readonly came: Book<Set<number>> = { 0: new Set(), 1: new Set() };
  readonly #last: Book<number> = { 0: -1, 1: -1 };
  readonly reported: Book<Set<number>> = { 0: new Set(), 1: new Set() };
  readonly #attempts = new Set<number>();
  #peerIncarnation = 0;
  #bulk: number | null = null;
  #connected: [mine: number | null, theirs: number | null] = [null, null];
  #asleepUntil = 0;
  readonly #deferred: (() => void)[] = [];
  #wakeAt = Infinity;
  steps = 0;
  sessions = 0;
  suspicions = 0;
  signals = 0;

  constructor(index: Index, clock: Clock, program: Program) {
    this.index = index;
    this.clock = clock;
    this.program = program;
  }

  // ---- its lives

  /** A new link to the peer as it is now. */
  begin(): void {
    const { program, peer, clock } = this;
    this.core = program.link(peer.program, clock.now, { rules: RULES });
    this.#peerIncarnation = peer.program.incarnation;
    this.#attempts.clear();
    this.#started();
    this.core.relayChanged(...this.#connected, clock.now);
    this.core.start(clock.now);
    this.turn();
  }

  #started(): void {
    this.sessions += 1;
    this.#bulk = null;
    this.core.session.listen(0, this.clock.now);
  }

  /** The link is given up, and another made. Direct paths end with it. */
  discard(): void {
    this.#events();
    this.#report(this.core.end(this.clock.now));
    for (const attempt of this.#attempts) this.weather.attempts.get(attempt)?.end();
    this.begin();
  }

  /** The program is restarted: it has a new connection, and the peer hears of it with that. */
  restart(): void {
    this.program.restart();
    this.discard();
    this.weather.relay.disconnect(this.index, 0);
    this.weather.relay.connect(this.index);
  }

  // ---- what the network calls

  /** Call now, or when this program wakes, in the order in which things happened. */
  #awake(call: () => void): void {
    if (this.clock.now < this.#asleepUntil) {
      this.#deferred.push(call);
    } else {
      call();
      this.turn();
    }
  }

  /** This program stalls. */
  sleep(time: number): void {
    this.#asleepUntil = Math.max(this.#asleepUntil, this.clock.now + time);
    this.clock.at(this.#asleepUntil, () => {
      if (this.clock.now >= this.#asleepUntil) for (const call of this.#deferred.splice(0)) this.#awake(call);
    });
  }

  arrived(instance: DirectInstance | null, packet: Uint8Array): void {
    this.#awake(() => {
      if (instance === null) this.core.receiveRelay(packet, this.clock.now);
      else this.core.receiveDirect(instance.attempt, packet, this.clock.now);
    });
  }

  drained(): void {
    this.#awake(() => {});
  }

  /** A direct attempt has opened. (Here one is taken for an attempt of whatever session there is, which has met its
   * other half: signals are what binds it to one, and there are none.) */
  directOpened(direct: Direct<Sealed>): void {
    const { core } = this;
    const { session } = core;
    this.#awake(() => {
      const { attempt } = direct.instance;
      if (!direct.alive || this.core !== core || core.session !== session || !core.bound) {
        direct.end();
        return;
      }
      this.#attempts.add(attempt);
      core.directOpened(attempt, this.clock.now);
    });
  }

  directEnded({ attempt }: DirectInstance): void {
    this.#awake(() => {
      if (this.#attempts.delete(attempt)) this.core.directEnded(attempt, this.clock.now);
    });
  }

  relayChanged(mine: number | null, theirs: number | null): void {
    this.#awake(() => {
      this.#connected = [mine, theirs];
      // The roster shows who the peer is now.
      if (theirs !== null && this.#peerIncarnation !== this.peer.program.incarnation) this.discard();
      else this.core.relayChanged(mine, theirs, this.clock.now);
    });
  }

  refused({ outgoing }: Sealed, code: string): void {
    this.#awake(() => this.core.relayRefused(outgoing, code, this.clock.now));
  }

  // ---- driving the core

  /** Take what happened, send what is due, set the timer. */
  turn(): void {
    this.steps += 1;
    const now = this.clock.now;
    this.#events();
    this.#tellWaiting(now);
    for (const outgoing of this.core.packetsToSend(now)) this.#send(outgoing);
    this.#tellWaiting(now);
    this.#events();
    const due = this.core.nextTimeout();
    if (due !== null && due < this.#wakeAt) {
      const when = Math.max(due, now);
      this.#wakeAt = when;
      this.clock.at(when, () => this.#wake(when));
    }
  }

  #wake(when: number): void {
    if (when !== this.#wakeAt) return; // an earlier timer has taken this one's place
    this.#awake(() => {
      this.#wakeAt = Infinity;
      const due = this.core.nextTimeout();
      if (due !== null && due <= this.clock.now) this.core.handleTimeout(this.clock.now);
    });
  }

  #send(outgoing: Outgoing): void {
    const { attempt, lane, packet } = outgoing;
    const sealed = { outgoing, lane, packet };
    if (attempt !== null) {
      this.weather.attempts.get(attempt)?.send(this.index, sealed);
    } else {
      if (packet.length > 60_000) throw new Broken(`a packet of ${packet.length} bytes`);
      this.weather.relay.send(this.index, sealed);
    }
  }

  #tellWaiting(now: number): void {
    this.core.relayWaiting(this.weather.relay.waiting(this.index), now);
    for (const { alive, instance, wires } of this.weather.attempts.values()) {
      if (alive) this.core.directWaiting(instance.attempt, wires[this.index].waiting, now);
    }
  }

  #events(): void {
    for (let event = this.core.nextEvent(); event !== null; event = this.core.nextEvent()) this.#event(event);
  }

  #event(event: LinkEvent): void {
    switch (event.type) {
      case "MessageReceived":
        this.#take(event.lane as (typeof LANES)[number], event.payload);
        this.core.session.handled(event.channel, event.charge, this.clock.now);
        break;
      case "ChannelOpened":
        this.core.session.listen(event.channel, this.clock.now);
        break;
      case "DirectAdopted":
        this.weather.adopted(event.attempt);
        break;
      case "DirectEnded":
        this.weather.attempts.get(event.attempt)?.end();
        break;
      case "Suspected":
        this.suspicions += 1;
        break;
      case "SessionEnded":
        if (event.reason.includes("protocol")) throw new Broken(`an honest session failed: ${event.reason}`);
        this.#attempts.clear();
        this.#report(event.undelivered);
        break;
      case "SessionStarted":
        this.#started();
        break;
      case "SessionFailed":
        throw new Broken(`an honest session failed: ${event.reason}`);
    }
  }

  #report(messages: readonly Outbound[]): void {
    for (const { context } of messages) {
      const { lane, number } = context as { lane: (typeof LANES)[number]; number: number };
      this.reported[lane].add(number);
    }
  }

  /** A message has arrived: it must be what was sent, for the first time, and after those before it. */
  #take(lane: (typeof LANES)[number], payload: Uint8Array): void {
    const number = new DataView(payload.buffer, payload.byteOffset).getUint32(0);
    const where = `to side ${this.index}, lane ${lane}, message ${number}`;
    const size = this.peer.sent[lane][number];
    if (size === undefined || !same(payload, content("b".repeat(lane), number, size))) {
      throw new Broken(`${where}: it is another one`);
    }
    if (number <= this.#last[lane]) {
      throw new Broken(`${where}: it came ${this.came[lane].has(number) ? "twice" : `after ${this.#last[lane]}`}`);
    }
    for (let skipped = this.#last[lane] + 1; skipped < number; skipped++) {
      // It may be reported later: the peer learns last that a session is over.
      if (!this.peer.reported[lane].has(skipped)) this.skipped.push([lane, skipped]);
    }
    this.#last[lane] = number;
    this.came[lane].add(number);
  }

  /** Messages that were skipped and not yet reported then. */
  readonly skipped: [(typeof LANES)[number], number][] = [];

  // ---- the application

  /** Send the next message of a lane, if there is room for it. */
  send(lane: (typeof LANES)[number], size: number): boolean {
    const { session } = this.core;
    if (this.clock.now < this.#asleepUntil) return false;
    if (lane === Lane.BULK) this.#bulk ??= session.open("bulk", Lane.BULK);
    const channel = lane === Lane.BULK ? (this.#bulk ?? 0) : 0;
    if (!session.canSend(channel, size)) return false;
    const number = this.sent[lane].push(size) - 1;
    session.send(channel, FrameType.BYTES, content("b".repeat(lane), number, size), this.clock.now, { lane, number });
    this.turn();
    return true;
  }

  /** Seal a signal and let the peer read it now, if there is a key. */
  signal(): void {
    const body = { number: this.steps };
    const packet = this.core.sealSignal("candidate", 7, body, this.clock.now);
    this.turn();
    if (packet === null || this.weather.relay.connection[this.index] === null) return;
    const { peer } = this;
    this.clock.after(0.01, () => {
      const read = peer.core.receiveSignal(packet, this.clock.now);
      if (read !== null && (read.payload["number"] !== body.number || read.attempt !== 7)) {
        throw new Broken("a signal says something else");
      }
      if (read !== null) peer.signals += 1;
      if (read !== null && peer.core.receiveSignal(packet, this.clock.now) !== null) throw new Broken("a signal twice");
      peer.turn();
    });
  }

  /** What was sent and has neither arrived nor been reported. */
  *missing(): Generator<string> {
    for (const lane of LANES) {
      for (let number = 0; number < this.sent[lane].length; number++) {
        if (!this.peer.came[lane].has(number) && !this.reported[lane].has(number)) {
          yield `side ${this.index}, lane ${lane}, message ${number}`;
        }
      }
    }
  }
}
