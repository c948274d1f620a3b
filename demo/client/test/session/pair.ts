/** Two link cores over a pretended server: what is in flight lies in a list, and time is a number. */

import { FrameType } from "../../src/codec/frames.ts";
import { ed25519Key, ed25519Sign } from "../../src/curves.ts";
import { PrivateKey } from "../../src/noise.ts";
import { peerId } from "../../src/protocol/ids.ts";
import { type Statement, signStatement } from "../../src/protocol/statements.ts";
import { EndedHalves } from "../../src/session/binding.ts";
import { Budget } from "../../src/session/credit.ts";
import type { Me, Random, Remote } from "../../src/session/handshake.ts";
import { LinkCore, type LinkCoreOptions } from "../../src/session/link-core.ts";
import type { LinkEvent, Outgoing } from "../../src/session/link-events.ts";
import { RULES } from "../../src/session/rules.ts";
import { Rng } from "./network.ts";

export const ROOM = "lobby";

/** A peer's program: its keys, and what it knows. It remembers the ended halves of so many peers. */
export class Program {
  readonly random: Random;
  readonly key: Uint8Array;
  readonly id: string;
  readonly #private: Uint8Array;
  readonly #remembered: number;
  incarnation = 1_000;
  static!: PrivateKey; // by restart
  ended!: EndedHalves; // likewise
  statement!: Uint8Array; // likewise
  #number = 0;

  constructor(seed: number, remembered = 65_536) {
    const rng = new Rng(seed);
    this.random = (size) => Uint8Array.from({ length: size }, () => rng.random() * 256);
    this.#private = this.random(32);
    this.key = ed25519Key(this.#private);
    this.id = peerId(this.key);
    this.#remembered = remembered;
    this.restart();
  }

  /** A new life: the identity stays, all else is forgotten. */
  restart(): void {
    this.incarnation += 1;
    this.static = new PrivateKey(this.random(32));
    this.ended = new EndedHalves(this.#remembered);
    this.#number = 0;
    this.statement = this.state();
  }

  /** Its signed statement, or one that differs in some field. */
  state(changes: Partial<Statement> = {}): Uint8Array {
    const fields = {
      room: ROOM,
      key: this.key,
      incarnation: this.incarnation,
      static: this.static.public,
      profileVersion: 1,
      profileHash: new Uint8Array(32),
      ...changes,
    };
    return signStatement(fields, (data) => ed25519Sign(data, this.#private));
  }

  nextNumber = (): number => ++this.#number;

  get me(): Me {
    const { id, key, incarnation, static: staticPrivate, statement } = this;
    return { id, key, incarnation, staticPrivate, statement };
  }

  get remote(): Remote {
    const { id, key, incarnation, statement } = this;
    return { id, key, incarnation, static: this.static.public, statement };
  }

  /** A link core to a peer as it is now. */
  link(peer: Program, now: number, options: Partial<LinkCoreOptions> = {}): LinkCore {
    return new LinkCore({
      room: ROOM,
      me: this.me,
      peer: peer.remote,
      ended: this.ended,
      nextNumber: this.nextNumber,
      random: this.random,
      settings: { direct: true },
      rules: RULES,
      budget: new Budget(),
      now,
      ...options,
    });
  }
}

/** One end of a link, and what its application has seen. */
export class LinkSide {
  readonly program: Program;
  readonly peer: Program;
  readonly peerIncarnation: number;
  readonly core: LinkCore;
  readonly received: Uint8Array[] = [];
  readonly undelivered: Uint8Array[] = [];
  readonly events: LinkEvent[] = [];

  constructor(program: Program, peer: Program, now = 0, options: Partial<LinkCoreOptions> = {}) {
    this.program = program;
    this.peer = peer;
    this.peerIncarnation = peer.incarnation;
    this.core = program.link(peer, now, options);
  }

  /** Send on the default channel. */
  send(payload: Uint8Array, now: number): void {
    this.core.session.send(0, FrameType.BYTES, payload, now);
  }

  /** Take the events; every message counts as handled at once. */
  poll(now: number): void {
    for (let event = this.core.nextEvent(); event !== null; event = this.core.nextEvent()) {
      if (event.type === "MessageReceived") {
        this.received.push(event.payload);
        this.core.session.handled(event.channel, event.charge, now);
      } else {
        if (event.type === "SessionEnded") this.undelivered.push(...event.undelivered.map(({ payload }) => payload));
        this.events.push(event);
      }
    }
  }

  /** How many events of a type have come. */
  count(type: LinkEvent["type"]): number {
    return this.events.filter((event) => event.type === type).length;
  }

  /** What it sends now. */
  packets(now: number): Outgoing[] {
    this.poll(now);
    const out = this.core.packetsToSend(now);
    this.poll(now);
    return out;
  }
}

/** Two sides whose packets are delivered at once, or by hand. */
export class Pair {
  now = 100;
  readonly programs = [new Program(1), new Program(2)] as const;
  a: LinkSide;
  b: LinkSide;
  /** Every packet that was given to the relay. */
  readonly log: Uint8Array[] = [];

  constructor(options: Partial<LinkCoreOptions> = {}) {
    const [a, b] = this.programs;
    this.a = new LinkSide(a, b, this.now, options);
    this.b = new LinkSide(b, a, this.now, options);
    this.connect();
  }

  /** Both have a connection to the server. */
  connect(a = 1, b = 1): void {
    this.a.core.relayChanged(a, b, this.now);
    this.b.core.relayChanged(b, a, this.now);
  }

  /** The relay packets a side sends now, not delivered yet. */
  take(side: LinkSide): Uint8Array[] {
    const packets = side.packets(this.now).filter(({ attempt }) => attempt === null);
    this.log.push(...packets.map(({ packet }) => packet));
    side.core.relayWaiting(0, this.now);
    return packets.map(({ packet }) => packet);
  }

  /** Deliver packets to a side. */
  give(side: LinkSide, packets: readonly Uint8Array[]): void {
    for (const packet of packets) side.core.receiveRelay(packet, this.now);
    side.poll(this.now);
  }

  /** Deliver everything until nothing moves; then let `seconds` pass, timers and all. */
  run(seconds = 0, step = 0.01): void {
    const end = this.now + seconds;
    for (;;) {
      for (let round = 0; ; round++) {
        if (round === 100) throw new Error("the two never stop talking");
        const [toB, toA] = [this.take(this.a), this.take(this.b)];
        this.give(this.b, toB);
        this.give(this.a, toA);
        if (!toA.length && !toB.length) break;
      }
      if (this.now >= end) return;
      this.now += step;
      for (const { core } of [this.a, this.b]) {
        const due = core.nextTimeout();
        if (due !== null && due <= this.now) core.handleTimeout(this.now);
      }
    }
  }

  /** The side gives its link up and makes another. */
  discard(side: LinkSide): void {
    side.core.end(this.now);
    const fresh = new LinkSide(side.program, side.peer, this.now);
    if (side === this.a) this.a = fresh;
    else this.b = fresh;
    this.connect();
  }
}

/** Two that have met. */
export function ready(options: Partial<LinkCoreOptions> = {}): Pair {
  const pair = new Pair(options);
  pair.a.core.start(pair.now);
  pair.run(0.1);
  if (!pair.a.core.bound || !pair.b.core.bound) throw new Error("the two did not meet");
  return pair;
}
