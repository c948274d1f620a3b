/**
 * A deterministic network for simulations: a clock, wires, a direct path and a relay that fail as they are told.
 *
 * Sizes are bytes, times seconds of simulated time. The same seed gives the same run.
 */

import { Lane } from "../../src/codec/frames.ts";
import { DirectInstance } from "../../src/session/events.ts";
import { KIB } from "../../src/session/rules.ts";

/** A promise was not kept. */
export class Broken extends Error {
  override readonly name = "Broken";
}

/** Numbers that look random and are the same in every run (mulberry32). */
export class Rng {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** From 0 to 1. */
  random(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  uniform(from: number, to: number): number {
    return from + (to - from) * this.random();
  }
}

interface Call {
  readonly when: number;
  readonly count: number;
  readonly call: () => void;
}

/** Simulated time: calls in order of their moments, and of their making where moments are equal. */
export class Clock {
  now = 0;
  /** A heap. */
  readonly #calls: Call[] = [];
  #count = 0;

  /** Call then. */
  at(when: number, call: () => void): void {
    const calls = this.#calls;
    const made = { when: Math.max(when, this.now), count: this.#count++, call };
    let at = calls.length;
    calls.push(made);
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!before(made, calls[above] as Call)) break;
      calls[at] = calls[above] as Call;
      at = above;
    }
    calls[at] = made;
  }

  /** Call so much later. */
  after(delay: number, call: () => void): void {
    this.at(this.now + delay, call);
  }

  /** Let so much time pass. */
  run(seconds: number): void {
    const until = this.now + seconds;
    for (let first = this.#calls[0]; first !== undefined && first.when <= until; first = this.#calls[0]) {
      this.#pop();
      this.now = first.when;
      first.call();
    }
    this.now = until;
  }

  #pop(): void {
    const calls = this.#calls;
    const last = calls.pop() as Call;
    if (!calls.length) return;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= calls.length) break;
      const right = calls[below + 1];
      if (right !== undefined && before(right, calls[below] as Call)) below += 1;
      if (!before(calls[below] as Call, last)) break;
      calls[at] = calls[below] as Call;
      at = below;
    }
    calls[at] = last;
  }
}

function before(one: Call, other: Call): boolean {
  return one.when < other.when || (one.when === other.when && one.count < other.count);
}

type Arrive = () => void;

/** One direction. Reliable lanes keep their order and wait while it is cut; datagrams are lost then. */
export class Wire {
  readonly #clock: Clock;
  readonly #rng: Rng;
  readonly rate: number;
  readonly delay: number;
  readonly jitter: number;
  /** Bytes that the network itself holds: what is beyond waits in the send buffer. */
  readonly #network: number;
  /** Bytes in the send buffer and in the network. */
  inside = 0;
  #busy = 0;
  readonly #last = new Map<Lane, number>();
  #held: [size: number, lane: Lane, arrive: Arrive][] = [];
  isCut = false;
  dead = false;
  /** The share of datagrams that is lost. */
  lose = 0;
  /** The share of other packets that is lost once, sent again by the transport, and holds up its lane. */
  late = 0;

  constructor(clock: Clock, rng: Rng, rate: number, delay: number, jitter = 0) {
    this.#clock = clock;
    this.#rng = rng;
    this.rate = rate;
    this.delay = delay;
    this.jitter = jitter;
    this.#network = rate * 2 * delay + 4 * KIB;
  }

  /** Bytes in the send buffer. */
  get waiting(): number {
    return Math.max(0, Math.floor(this.inside - this.#network));
  }

  /** Send a packet. */
  put(size: number, lane: Lane, arrive: Arrive): void {
    if (this.dead) return;
    this.inside += size;
    this.#go(size, lane, arrive);
  }

  #go(size: number, lane: Lane, arrive: Arrive): void {
    if (this.#stopped(size, lane, arrive)) return;
    const rng = this.#rng;
    this.#busy = Math.max(this.#clock.now, this.#busy) + size / this.rate;
    let when = this.#busy + this.delay + rng.random() * this.jitter;
    if (lane !== Lane.DATAGRAM) {
      if (rng.random() < this.late) when += rng.uniform(0.2, 1.2);
      when = Math.max(when, this.#last.get(lane) ?? 0);
      this.#last.set(lane, when);
    } else if (rng.random() < this.lose) {
      this.inside -= size;
      return;
    }
    this.#clock.at(when, () => {
      if (this.dead || this.#stopped(size, lane, arrive)) return;
      this.inside -= size;
      arrive();
    });
  }

  #stopped(size: number, lane: Lane, arrive: Arrive): boolean {
    if (this.isCut && lane === Lane.DATAGRAM) this.inside -= size;
    else if (this.isCut) this.#held.push([size, lane, arrive]);
    return this.isCut;
  }

  /** Nothing arrives from now on. */
  cut(): void {
    this.isCut = true;
  }

  /** What was held goes on. */
  restore(): void {
    if (!this.isCut) return;
    this.isCut = false;
    const held = this.#held;
    this.#held = [];
    this.#busy = this.#clock.now;
    this.#last.clear();
    for (const [size, lane, arrive] of held) this.#go(size, lane, arrive);
  }
}

/** What is sent. */
export interface Parcel {
  readonly lane: Lane;
  readonly packet: Uint8Array;
}

/** What the network needs of a side; `P` is what that side sends. */
export interface End<P extends Parcel> {
  /** A packet came, by an attempt or (null) by the relay. */
  arrived(instance: DirectInstance | null, packet: Uint8Array): void;
  /** A send buffer may have room again. */
  drained(): void;
  /** A direct attempt has opened. */
  directOpened(direct: Direct<P>): void;
  /** A direct path has ended. */
  directEnded(instance: DirectInstance): void;
  /** Who is connected to the server has changed, as far as this side has been told. */
  relayChanged(mine: number | null, theirs: number | null): void;
  /** The server did not pass on what this side sent. */
  refused(parcel: P, code: string): void;
}

/** Two of something, one for each side. */
export type Both<T> = readonly [T, T];
/** Which side. */
export type Index = 0 | 1;

/** The other side. */
export function other(index: Index): Index {
  return index === 0 ? 1 : 0;
}

/** One direct attempt between two sides. */
export class Direct<P extends Parcel> {
  readonly instance: DirectInstance;
  readonly wires: Both<Wire>;
  alive = true;
  /** What is cut is never restored. */
  staysCut = false;
  readonly #ends: Both<End<P>>;
  readonly #clock: Clock;
  readonly #rng: Rng;

  constructor(ends: Both<End<P>>, attempt: number, wires: Both<Wire>, clock: Clock, rng: Rng) {
    this.instance = new DirectInstance(attempt);
    this.wires = wires;
    this.#ends = ends;
    this.#clock = clock;
    this.#rng = rng;
    for (const end of ends) clock.after(rng.uniform(0, 0.1), () => this.alive && end.directOpened(this));
  }

  /** A side sends a packet. */
  send(index: Index, { lane, packet }: Parcel): void {
    if (!this.alive) return;
    this.wires[index].put(packet.length, lane, () => {
      if (!this.alive) return;
      this.#ends[other(index)].arrived(this.instance, packet);
      this.#ends[index].drained();
    });
  }

  /**
   * Cut one direction or both. The other one of an ordered transport stalls a little later: its acknowledgements
   * are gone.
   */
  cut(there = true, back = true): void {
    for (const [wire, on] of [[this.wires[0], there], [this.wires[1], back]] as const) {
      if (on) wire.cut();
      else this.#clock.after(this.#rng.uniform(0.4, 1), () => this.wires.some((one) => one.isCut) && wire.cut());
    }
  }

  /** Both directions work again. */
  restore(): void {
    if (!this.staysCut) for (const wire of this.wires) wire.restore();
  }

  /** The path ends; both sides learn of it, not at the same time. */
  end(): void {
    if (!this.alive) return;
    this.alive = false;
    for (const wire of this.wires) wire.dead = true;
    for (const end of this.#ends) this.#clock.after(this.#rng.uniform(0, 0.05), () => end.directEnded(this.instance));
  }
}

/** The server, and both sides' connections to it. */
export class Relay<P extends Parcel> {
  readonly #ends: Both<End<P>>;
  readonly #clock: Clock;
  readonly #rng: Rng;
  readonly #rate: number;
  readonly #delay: number;
  readonly connection: [number | null, number | null] = [null, null];
  readonly #count: [number, number] = [0, 0];
  readonly #up: [Wire, Wire];
  readonly #down: [Wire, Wire];
  readonly #unacked: [number, number] = [0, 0];
  readonly #owed: [number, number] = [0, 0];
  /** Bytes that may wait for one side; beyond, senders are told `busy`. */
  outbox = 512 * KIB;
  /** Shares of the packets that are silently dropped, refused as `busy`, and passed on twice. */
  dropping = 0;
  refusing = 0;
  doubling = 0;

  constructor(ends: Both<End<P>>, clock: Clock, rng: Rng, rate: number, delay: number) {
    this.#ends = ends;
    this.#clock = clock;
    this.#rng = rng;
    this.#rate = rate;
    this.#delay = delay;
    this.#up = [this.#wire(), this.#wire()];
    this.#down = [this.#wire(), this.#wire()];
  }

  #wire(): Wire {
    return new Wire(this.#clock, this.#rng, this.#rate, this.#delay);
  }

  /** A side connects. */
  connect(index: Index): void {
    if (this.connection[index] !== null) return;
    this.#count[index] += 1;
    this.connection[index] = this.#count[index];
    this.#up[index] = this.#wire();
    this.#down[index] = this.#wire();
    this.#unacked[index] = this.#owed[index] = 0;
    this.#tellRosters();
  }

  /** A side's connection drops; it notices after `notice` seconds. */
  disconnect(index: Index, notice = 0): void {
    const number = this.connection[index];
    if (number === null) return;
    this.connection[index] = null;
    this.#up[index].dead = this.#down[index].dead = true;
    this.#clock.after(notice, () => {
      if (this.#count[index] === number && this.connection[index] === null) this.#ends[index].relayChanged(null, null);
    });
    this.#tellRosters();
  }

  #tellRosters(): void {
    for (const index of [0, 1] as const) {
      const [mine, theirs] = [this.connection[index], this.connection[other(index)]];
      if (mine !== null) this.#tell(index, () => this.#ends[index].relayChanged(mine, theirs));
    }
  }

  #tell(index: Index, call: () => void): void {
    this.#down[index].put(64, Lane.RELIABLE, call);
  }

  /** A side sends a packet. */
  send(index: Index, parcel: P): void {
    const number = this.connection[index];
    if (number === null) return;
    const size = parcel.packet.length;
    this.#unacked[index] += size;
    this.#up[index].put(size, Lane.RELIABLE, () => this.#atServer(index, number, parcel));
  }

  #atServer(index: Index, number: number, parcel: P): void {
    const size = parcel.packet.length;
    this.#owed[index] += size;
    if (this.#owed[index] >= 64 * KIB) this.#acknowledge(index, number);
    else this.#clock.after(0.05, () => this.#acknowledge(index, number));
    const peer = other(index);
    const away = this.connection[peer] === null;
    const full = this.#down[peer].inside + size > this.outbox;
    const rng = this.#rng;
    if (away || full || rng.random() < this.refusing) {
      this.#tell(index, () => this.#ends[index].refused(parcel, away ? "away" : "busy"));
    } else if (rng.random() >= this.dropping) {
      const times = rng.random() < this.doubling ? 2 : 1;
      for (let time = 0; time < times; time++) {
        this.#down[peer].put(size, Lane.RELIABLE, () => this.#ends[peer].arrived(null, parcel.packet));
      }
    }
  }

  #acknowledge(index: Index, number: number): void {
    const size = this.#owed[index];
    if (this.connection[index] !== number || !size) return;
    this.#owed[index] = 0;
    this.#tell(index, () => {
      this.#unacked[index] -= size;
      this.#ends[index].drained();
    });
  }

  /** Bytes that a side sent and the server has not acknowledged. */
  waiting(index: Index): number {
    return this.#unacked[index];
  }
}
