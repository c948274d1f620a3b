/**
 * Random lives of two sessions: channels of all kinds, failures of all kinds, then peace, flush and close. Nothing is
 * lost, doubled, swapped, stuck or over its bounds.
 *
 * EITHERWAY_LIVES sets how many; a failure tells its seed and the shortest life found that fails.
 */

import fc from "fast-check";
import { expect, test } from "vitest";
import { Lane } from "../../src/codec/frames.ts";
import { Broken, type Both, type Index } from "./network.ts";
import { type Flown, SMALL, Side } from "./side.ts";
import { type Climate, type Peace, type Trouble, Weather, climates, peaces, troubles } from "./weather.ts";

const LIVES = Number(process.env["EITHERWAY_LIVES"] ?? 150);
const CHANNELS: Readonly<Record<string, Lane>> = { "": Lane.RELIABLE, r: Lane.RELIABLE, b: Lane.BULK, c: Lane.BULK };

const index = fc.constantFrom<Index>(0, 1);
const label = fc.constantFrom(...Object.keys(CHANNELS));
const size = fc.oneof(fc.nat(5), fc.integer({ min: 20, max: 300 }), fc.integer({ min: 500, max: 6_000 }), fc.nat(32_000));

/** What may happen to an application. */
const acts = fc.oneof(
  { weight: 8, arbitrary: fc.record({ what: fc.constant("send"), index, label, size, times: fc.constantFrom(1, 1, 20) }) },
  { weight: 6, arbitrary: fc.record({ what: fc.constant("wait"), time: fc.constantFrom(0.003, 0.03, 0.3, 1.5) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("close"), index, label: fc.constantFrom("r", "c") }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant("datagram"), index }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("lazy"), index, lazy: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("flush"), index }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("ping"), index }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("sleep"), index, time: fc.constantFrom(0.2, 1, 4) }) },
);
type Act = typeof acts extends fc.Arbitrary<infer T> ? T : never;

const scripts = fc.array(fc.oneof({ weight: 3, arbitrary: acts }, { weight: 1, arbitrary: troubles }), {
  minLength: 5,
  maxLength: 120,
  size: "max",
});

class World {
  readonly weather: Weather<Flown>;
  readonly sides: Both<Side>;

  constructor(climate: Climate) {
    let sides: Both<Side> | undefined;
    this.weather = new Weather<Flown>(climate, (clock) => (sides = [new Side(0, clock), new Side(1, clock)]));
    if (sides === undefined) throw new Error("no sides");
    this.sides = sides;
    const [one, two] = sides;
    one.peer = two;
    two.peer = one;
    for (const side of sides) {
      side.weather = this.weather;
      side.turn();
      for (const [name, lane] of Object.entries(CHANNELS)) if (name) side.open(name, lane);
      side.open("datagrams", Lane.DATAGRAM);
    }
    this.weather.connect();
  }

  run(seconds: number): void {
    this.weather.clock.run(seconds);
  }

  happen(act: Act | Trouble): void {
    if (!("index" in act) || act.what === "disconnect") {
      if (act.what === "wait") this.run(act.time);
      else this.weather.happen(act as Trouble);
      return;
    }
    const side = this.sides[act.index];
    switch (act.what) {
      case "send":
        for (let time = 0; time < act.times; time++) side.send(act.label, act.size);
        break;
      case "close":
        side.closeChannel(act.label);
        break;
      case "datagram":
        side.datagram();
        break;
      case "lazy":
        side.setLazy(act.lazy);
        break;
      case "flush":
        side.flush();
        break;
      case "ping":
        side.session.ping(this.weather.clock.now);
        side.turn();
        break;
      case "sleep":
        side.sleep(act.time);
    }
  }

  /** Let time pass until everything sent is handled. */
  settle(most: number): void {
    for (let passed = 0; passed < most; passed += 0.25) {
      if (this.sides.every((side) => side.pending().next().done)) return;
      this.run(0.25);
    }
    throw new Broken(`not everything was handled: ${this.sides.map((side) => [...side.pending()].slice(0, 3))}`);
  }

  /** A flush at peace ends, and so does every earlier one; and then nothing is in flight or on the books. */
  allFlush(): void {
    for (const side of this.sides) side.flush();
    this.run(8);
    for (const side of this.sides) {
      if (side.flushes.size) throw new Broken("a flush never ends");
      const { queued, unacknowledged } = side.session.stats();
      if (queued || unacknowledged) throw new Broken(`${queued} bytes queued and ${unacknowledged} unacknowledged`);
    }
  }

  /** A close at any moment: every message is handled or reported. */
  close(closer: Side, burst: number): void {
    for (let time = 0; time < burst; time++) {
      closer.send("", 40);
      closer.send("b", 3_000);
    }
    closer.close();
    this.run(10);
    if (!closer.ended) throw new Broken("close did not end");
    closer.peer.end();
    this.run(5);
    for (const side of this.sides) {
      const reported = new Set(side.undelivered.map((message) => message.context));
      for (const message of side.pending()) {
        if (!reported.has(message)) throw new Broken(`neither handled nor reported: ${message}`);
      }
    }
  }
}

/** What is sent again is bounded: both windows of both sides for each failure, and a burst for each suspicion. */
function checkTwice(world: World): void {
  const stats = world.sides.map((side) => side.session.stats());
  const twice = stats.reduce((sum, one) => sum + one.sentTwice, 0);
  const suspicions = stats.reduce((sum, one) => sum + one.suspicions, 0);
  const windows = 2 * (SMALL.reliableWindow + SMALL.bulkWindow);
  const most = (world.weather.failures + 1) * windows + suspicions * SMALL.timeoutBurst;
  if (twice > most) throw new Broken(`${twice} bytes sent twice in ${world.weather.failures} failures`);
}

const totals = { byes: 0, steps: 0, messages: 0, datagrams: 0, failures: 0, suspicions: 0, twice: 0 };

function live(climate: Climate, script: readonly (Act | Trouble)[], peace: Peace, closer: Index, burst: number): void {
  const world = new World(climate);
  for (const act of script) world.happen(act);
  for (const side of world.sides) side.setLazy(false);
  world.weather.peace(peace);
  world.settle(60);
  world.allFlush();
  checkTwice(world);
  for (const side of world.sides) {
    const { suspicions, sentTwice } = side.session.stats();
    totals.suspicions += suspicions;
    totals.twice += sentTwice;
  }
  world.close(world.sides[closer], burst);
  if (world.sides[closer].byeDone) totals.byes += 1;
  totals.failures += world.weather.failures;
  for (const side of world.sides) {
    totals.steps += side.steps;
    totals.datagrams += side.arrivals.datagrams;
    for (const inlet of side.inlets.values()) totals.messages += inlet.count;
  }
}

test("lives of two sessions", { timeout: 600_000 }, () => {
  fc.assert(fc.property(climates, scripts, peaces, index, fc.nat(20), live), { numRuns: LIVES });
  console.info("lives:", totals);
  for (const total of Object.values(totals)) expect(total).toBeGreaterThan(0);
  // The others gave up after 5 s: a path died in silence just then whose only round trip was that of a stopped program.
  expect(totals.byes).toBeGreaterThan(0.95 * LIVES);
});
