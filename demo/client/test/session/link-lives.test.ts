/**
 * Random lives of two whole links: handshakes and seals, sessions given up, programs restarted, and a network that fails
 * in all its ways; then peace. Every message arrived once and in its order, or its sender was told that it may not have.
 *
 * EITHERWAY_LINK_LIVES sets how many; a failure tells its seed and the shortest life found that fails.
 */

import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { type LANES, LinkSide, type Sealed } from "./link-side.ts";
import { type Both, Broken, type Index } from "./network.ts";
import { Program } from "./pair.ts";
import { type Climate, type Peace, type Trouble, Weather, climates, peaces, troubles } from "./weather.ts";

vi.mock("../../src/curves.ts", () => import("./native-curves.ts"));

const LIVES = Number(process.env["EITHERWAY_LINK_LIVES"] ?? 60);

const index = fc.constantFrom<Index>(0, 1);
const lane = fc.constantFrom<(typeof LANES)[number]>(0, 1);
const size = fc.oneof(fc.integer({ min: 4, max: 40 }), fc.integer({ min: 500, max: 6_000 }), fc.integer({ min: 4, max: 32_000 }));

const acts = fc.oneof(
  { weight: 8, arbitrary: fc.record({ what: fc.constant("send"), index, lane, size, times: fc.constantFrom(1, 1, 20) }) },
  { weight: 8, arbitrary: fc.record({ what: fc.constant("wait"), time: fc.constantFrom(0.003, 0.03, 0.3, 1.5) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("discard"), index }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("restart"), index }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("signal"), index }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("sleep"), index, time: fc.constantFrom(0.2, 1, 4) }) },
);
type Act = typeof acts extends fc.Arbitrary<infer T> ? T : never;

const scripts = fc.array(fc.oneof({ weight: 3, arbitrary: acts }, { weight: 1, arbitrary: troubles }), {
  minLength: 5,
  maxLength: 100,
  size: "max",
});

class World {
  readonly weather: Weather<Sealed>;
  readonly sides: Both<LinkSide>;

  constructor(climate: Climate) {
    const programs = [new Program(climate.seed), new Program(climate.seed + 1)] as const;
    let sides: Both<LinkSide> | undefined;
    this.weather = new Weather<Sealed>(climate, (clock) => {
      sides = [new LinkSide(0, clock, programs[0]), new LinkSide(1, clock, programs[1])];
      return sides;
    });
    if (sides === undefined) throw new Error("no sides");
    this.sides = sides;
    [sides[0].peer, sides[1].peer] = [sides[1], sides[0]];
    for (const side of sides) side.weather = this.weather;
    for (const side of sides) side.begin();
    this.weather.connect();
  }

  happen(act: Act | Trouble): void {
    switch (act.what) {
      case "wait":
        this.weather.clock.run(act.time);
        break;
      case "send":
        for (let time = 0; time < act.times; time++) this.sides[act.index].send(act.lane, act.size);
        break;
      case "discard":
      case "restart":
      case "signal":
        this.sides[act.index][act.what]();
        break;
      case "sleep":
        this.sides[act.index].sleep(act.time);
        break;
      default:
        this.weather.happen(act);
    }
  }

  /** Let time pass until both have met, and everything sent has arrived or been reported. */
  settle(most: number): void {
    for (let passed = 0; passed < most; passed += 0.25) {
      const [one, two] = this.sides;
      if (one.core.bound && two.core.bound && one.missing().next().done && two.missing().next().done) return;
      this.weather.clock.run(0.25);
    }
    const missing = this.sides.map((side) => [...side.missing()].slice(0, 3));
    throw new Broken(`not in peace: ${missing}, bound: ${this.sides.map((side) => side.core.bound)}`);
  }
}

const totals = { steps: 0, messages: 0, failures: 0, suspicions: 0, sessions: 0, reported: 0, signals: 0 };

function live(climate: Climate, script: readonly (Act | Trouble)[], peace: Peace): void {
  const world = new World(climate);
  for (const act of script) world.happen(act);
  // Without a relay two that have not met never meet.
  world.weather.peace(peace === "direct" ? "both" : peace);
  world.weather.clock.run(5); // nobody sleeps any more
  world.settle(100);
  const before = world.sides.map((side) => side.sessions);
  for (const side of world.sides) {
    for (const lane of [0, 1] as const) if (!side.send(lane, 100)) throw new Broken("no room for a last message");
  }
  world.settle(60);
  for (const [at, side] of world.sides.entries()) {
    if (side.sessions !== before[at]) throw new Broken("a session ended in peace");
    for (const [lane, number] of side.skipped) {
      if (!side.peer.reported[lane].has(number)) throw new Broken(`${number} of lane ${lane} was skipped in silence`);
    }
    totals.steps += side.steps;
    totals.suspicions += side.suspicions;
    totals.sessions += side.sessions;
    totals.signals += side.signals;
    for (const lane of [0, 1] as const) {
      totals.messages += side.came[lane].size;
      totals.reported += side.reported[lane].size;
    }
  }
  totals.failures += world.weather.failures;
}

test("lives of two links", { timeout: 600_000 }, () => {
  fc.assert(fc.property(climates, scripts, peaces, live), { numRuns: LIVES });
  console.info("link lives:", totals);
  // In few lives one kind of failure or another may not come up.
  if (LIVES >= 200) for (const total of Object.values(totals)) expect(total).toBeGreaterThan(0);
  expect(totals.messages).toBeGreaterThan(0);
});
