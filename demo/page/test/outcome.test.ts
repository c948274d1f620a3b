import { expect, test } from "vitest";
import { type Happening, outcome } from "../src/outcome.ts";
import { Pace } from "../src/pace.ts";

const quiet: Happening = {
  directCut: false,
  serverCut: false,
  ever: true,
  direct: 2,
  relay: 0,
  onTheWay: 3,
  lost: 0,
  doubled: 0,
  pause: 60,
};

test.each<[Partial<Happening>, string]>([
  [{ ever: false }, ""],
  [{ direct: 0 }, "There is nobody to talk to yet: open this page in a second tab."],
  [{ directCut: true }, "Direct path cut. Noticing …"],
  [
    { directCut: true, direct: 0, relay: 2, pause: 431 },
    "Direct path cut. The server took over after 431 ms: 0 lost, 0 doubled.",
  ],
  [{ serverCut: true }, "Server cut. Direct paths carry on without a pause: 0 lost, 0 doubled."],
  [{ serverCut: true, direct: 0, relay: 2, onTheWay: 40 }, "Server cut, and there is no direct path: 40 messages wait."],
  [
    { directCut: true, serverCut: true, onTheWay: 1 },
    "Both are cut: nothing can pass. 1 message waits and will arrive when you heal one.",
  ],
  [{ pause: 2100 }, "Whole again after 2.1 s: 0 lost, 0 doubled."],
  [{ lost: 1200, doubled: 1 }, "Whole again without a pause: 1,200 lost, 1 doubled."],
])("%j", (changed, sentence) => {
  expect(outcome({ ...quiet, ...changed })).toBe(sentence);
});

test("who floods is put off, and nobody else", () => {
  const pace = new Pace(10, 100);
  const delays = Array.from({ length: 30 }, () => pace.delay("flood", 0));
  expect(delays.slice(0, 10)).toEqual(Array(10).fill(0));
  expect(delays.at(-1)).toBeCloseTo(200);
  expect(pace.delay("calm", 0)).toBe(0);
  expect(pace.delay("flood", 1000)).toBe(0);
  pace.forget("flood");
  expect(pace.delay("flood", 0)).toBe(0);
});
