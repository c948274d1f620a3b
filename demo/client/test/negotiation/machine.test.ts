/** Two negotiations over a network that loses and swaps signals: they agree in the end, and keep their bounds. */

import fc from "fast-check";
import { expect, test } from "vitest";

import { DEADLINE } from "../../src/negotiation/attempt.ts";
import { Negotiation } from "../../src/negotiation/index.ts";
import { RETRY_MOST } from "../../src/negotiation/retry.ts";
import { seeded } from "./random.ts";

interface Connection {
  ours: string | null;
  theirs: string | null;
  open: boolean;
}

type Signal = { readonly kind: string; readonly attempt: number; readonly payload: unknown };

/** A negotiation with a model of its owner: what it was told to connect, and what it has open. */
class Side {
  readonly core: Negotiation;
  readonly connections = new Map<number, Connection>();
  readonly outbox: Signal[] = [];
  toDescribe: number[] = [];
  unreachable = false;
  #described = 0;

  constructor(offers: boolean, seed: number) {
    this.core = new Negotiation({ offers, random: seeded(seed), now: 0 });
    this.core.setAllowed(true, 0);
  }

  at(attempt: number): Connection {
    const connection = this.connections.get(attempt);
    if (connection === undefined) throw new Error(`there is no connection of attempt ${attempt}`);
    return connection;
  }

  run(): void {
    for (let event = this.core.nextEvent(); event !== null; event = this.core.nextEvent()) {
      const { attempt } = event;
      switch (event.type) {
        case "MakeOffer":
          this.#connect(attempt, null);
          break;
        case "MakeAnswer":
          this.#connect(attempt, event.offer.sdp);
          break;
        case "TakeAnswer":
          expect(this.at(attempt).theirs).toBeNull();
          this.at(attempt).theirs = event.answer.sdp;
          break;
        case "TakeCandidate":
          expect(this.at(attempt).theirs).not.toBeNull();
          break;
        case "SendSignal":
          this.outbox.push(event);
          break;
        case "Abandon":
          expect(this.connections.delete(attempt)).toBe(true);
      }
    }
  }

  #connect(attempt: number, theirs: string | null): void {
    expect(this.connections.has(attempt)).toBe(false);
    this.connections.set(attempt, { ours: null, theirs, open: false });
    this.toDescribe.push(attempt);
  }

  /** Gathering takes no time here, but others may come first. */
  describe(now: number): void {
    for (const attempt of this.toDescribe.splice(0)) {
      const connection = this.connections.get(attempt);
      if (connection === undefined) continue;
      const type = connection.theirs === null ? "offer" : "answer";
      this.#described += 1;
      connection.ours = `${type} ${attempt} ${this.#described}`;
      const description = { type, sdp: connection.ours };
      if (type === "offer") this.core.offerReady(attempt, description, now);
      else this.core.answerReady(attempt, description, now);
      this.core.candidateFound(attempt, { candidate: "x" }, now);
      this.core.candidateFound(attempt, null, now);
    }
  }

  lose(attempt: number, now: number): void {
    this.connections.delete(attempt);
    this.core.ended(attempt, now);
  }
}

/** Both sides, the wire between them, and the clock. */
class World {
  now = 0;
  passes = true;
  readonly lower: Side;
  readonly higher: Side;
  readonly sides: readonly [Side, Side];
  readonly wire: { readonly to: Side; readonly signal: Signal }[] = [];

  constructor(seed: number, wish: string) {
    this.lower = new Side(true, seed);
    this.higher = new Side(false, seed + 1);
    this.sides = [this.lower, this.higher];
    if (wish !== "higher") this.lower.core.want(0);
    if (wish !== "lower") this.higher.core.want(0);
    this.run();
  }

  run(): void {
    for (const side of this.sides) {
      side.run();
      const to = this.other(side);
      this.wire.push(...side.outbox.splice(0).map((signal) => ({ to, signal })));
    }
  }

  other(side: Side): Side {
    return side === this.lower ? this.higher : this.lower;
  }

  describe(): void {
    for (const side of this.sides) side.describe(this.now);
    this.run();
  }

  deliver(index: number): void {
    const [one] = this.wire.splice(index, 1);
    if (one === undefined) return;
    one.to.core.receive(one.signal.kind, one.signal.attempt, one.signal.payload, this.now);
    this.run();
  }

  nextTimeout(): number {
    return Math.min(...this.sides.map((side) => side.core.nextTimeout() ?? Infinity));
  }

  pass(seconds: number, traffic: boolean): void {
    const until = this.now + seconds;
    while (this.nextTimeout() <= until) {
      this.now = Math.max(this.now, this.nextTimeout());
      for (const side of this.sides) {
        side.core.handleTimeout(this.now);
        if (traffic) side.core.traffic(this.now);
      }
      this.run();
    }
    this.now = until;
  }

  /** Connections whose descriptions match open on both sides, if the network lets them. */
  connect(): void {
    if (!this.passes) return;
    for (const [attempt, ours] of this.lower.connections) {
      const theirs = this.higher.connections.get(attempt);
      if (theirs === undefined || ours.open || ours.ours === null) continue;
      if (ours.theirs !== theirs.ours || theirs.theirs !== ours.ours) continue;
      for (const side of this.sides) {
        side.at(attempt).open = true;
        side.core.opened(attempt, this.now);
      }
      for (const side of this.sides) side.core.adopted(attempt, this.now);
      this.run();
    }
  }

  losePath(choice: number, both: boolean): void {
    const side = this.sides[choice % 2 === 0 ? 0 : 1];
    const attempts = [...side.connections.keys()];
    const attempt = attempts[choice % attempts.length];
    if (attempt === undefined) return;
    for (const one of both ? this.sides : [side]) if (one.connections.has(attempt)) one.lose(attempt, this.now);
    this.run();
  }

  settled(): boolean {
    const { live } = this.lower.core;
    return live !== null && live === this.higher.core.live && this.sides.every((side) => side.core.inProgress === null);
  }

  /** Signals get through and the network lets connections open: soon both sides are on the same path. */
  settle(): void {
    this.passes = true;
    for (const side of this.sides) {
      if (side.unreachable) side.core.reachable(this.now);
      side.unreachable = false;
    }
    this.run();
    for (let round = 0; round < 200; round += 1) {
      while (this.wire.length > 0 || this.sides.some((side) => side.toDescribe.length > 0)) {
        this.describe();
        while (this.wire.length > 0) this.deliver(0);
      }
      this.connect();
      if (this.settled()) return;
      // A connection that one side alone has is found out by the other: ICE consent, or its deadline.
      for (const side of this.sides) {
        for (const [attempt, connection] of side.connections) {
          if (connection.open && !this.other(side).connections.has(attempt)) side.lose(attempt, this.now);
        }
      }
      this.run();
      const at = this.nextTimeout();
      expect(at - this.now, "how long nobody tries").toBeLessThanOrEqual(Math.max(DEADLINE, RETRY_MOST) + 1e-6);
      this.now = Math.max(this.now, at);
      for (const side of this.sides) side.core.handleTimeout(this.now);
      this.run();
    }
    throw new Error("not settled");
  }

  check(): void {
    for (const { core, connections } of this.sides) {
      const expected = [core.live, core.inProgress].filter((number) => number !== null);
      expect(new Set(connections.keys())).toEqual(new Set(expected));
      // What the peer brings about: a burst, then one a second; and our own, after a failure 1 s apart.
      expect(core.begun).toBeLessThanOrEqual(2 * (5 + this.now));
    }
  }
}

type Step = (world: World) => void;

const steps: fc.Arbitrary<readonly [string, Step]> = fc.oneof(
  fc.constant(["describe", (world: World) => world.describe()] as const),
  {
    weight: 4,
    arbitrary: fc
      .record({ at: fc.nat(), fate: fc.constantFrom("deliver", "deliver", "deliver", "lose", "double") })
      .map(({ at, fate }) => {
        const step: Step = (world) => {
          const index = at % Math.max(1, world.wire.length);
          const one = world.wire[index];
          if (one === undefined) return;
          if (fate === "double") world.wire.push(one);
          if (fate === "lose") world.wire.splice(index, 1);
          else world.deliver(index);
        };
        return [`${fate} ${at}`, step] as const;
      }),
  },
  fc
    .tuple(fc.double({ min: 0.01, max: 20, noNaN: true }), fc.boolean())
    .map(([seconds, traffic]) => [`time ${seconds} ${traffic}`, (world: World) => world.pass(seconds, traffic)] as const),
  fc.tuple(fc.constantFrom(0, 1), fc.boolean()).map(([of, answers]) => {
    const step: Step = (world) => {
      const core = world.sides[of === 0 ? 0 : 1].core;
      if (core.live !== null && answers) core.answers(core.live, world.now);
      else if (core.live !== null) core.suspected(core.live, world.now);
      world.run();
    };
    return [`${answers ? "answers" : "suspected"} ${of}`, step] as const;
  }),
  fc.constant([
    "reachable",
    (world: World) => {
      for (const side of world.sides) {
        side.core.reachable(world.now);
        side.unreachable = false;
      }
      world.run();
    },
  ] as const),
  fc.constantFrom(0, 1).map((of) => {
    const step: Step = (world) => {
      const side = world.sides[of === 0 ? 0 : 1];
      side.core.unreachable();
      side.unreachable = true;
      world.run();
    };
    return [`unreachable ${of}`, step] as const;
  }),
  fc.constant(["cut", (world: World) => void (world.passes = false)] as const),
  fc.constant(["heal", (world: World) => void (world.passes = true)] as const),
  { weight: 2, arbitrary: fc.constant(["connect", (world: World) => world.connect()] as const) },
  fc
    .tuple(fc.nat(100), fc.boolean())
    .map(([choice, both]) => [`lose ${choice} ${both}`, (world: World) => world.losePath(choice, both)] as const),
  fc.constant(["settle", (world: World) => world.settle()] as const),
);

test("in any order of wishes, losses, swaps, cuts and time they keep their bounds, and settle", () => {
  const wishes = fc.constantFrom("both", "lower", "higher");
  fc.assert(
    fc.property(fc.nat(2 ** 31), wishes, fc.array(steps, { maxLength: 60 }), (seed, wish, run) => {
      const world = new World(seed, wish);
      for (const [, step] of run) {
        step(world);
        world.check();
      }
      world.settle();
      world.check();
    }),
    { numRuns: 1_000 },
  );
}, 60_000);
