/** Delays between tries. */

import { expect, test } from "vitest";
import { Backoff } from "../src/backoff.ts";

/** Numbers that only look random, the same for each seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function expectWithin(delay: number, bound: number): void {
  expect(delay).toBeGreaterThanOrEqual(bound / 4);
  expect(delay).toBeLessThanOrEqual(bound);
}

test("where somebody answers bounds double up to the most and are jittered", () => {
  const backoff = new Backoff(random(1));
  for (const bound of [0.25, 0.5, 1, 2, 4, 5, 5]) expectWithin(backoff.next(false, 60), bound);
});

test("where nobody is tries stay a second apart, and after ten seconds two and a half", () => {
  const backoff = new Backoff(random(1));
  for (const bound of [0.25, 0.5, ...Array<number>(20).fill(1)]) expectWithin(backoff.next(true, 9.9), bound);
  for (const bound of [1, 2, ...Array<number>(20).fill(2.5)]) expectWithin(backoff.next(true, 10), bound);
});

test("a server that is back and has too much to do is given more time each time", () => {
  const backoff = new Backoff(random(1));
  for (let n = 0; n < 10; n += 1) backoff.next(true, 5);
  for (const bound of [1, 2, 4, 5]) expectWithin(backoff.next(false, 5), bound);
});

test("a success starts over", () => {
  const backoff = new Backoff(random(2));
  for (let n = 0; n < 10; n += 1) backoff.next(false);
  backoff.reset();
  expect(backoff.next(false)).toBeLessThanOrEqual(0.25);
});

/** When so many clients of a server that was killed dial for the first time after it is back. */
function drawn(clients: number, outage: number): number[] {
  return Array.from({ length: clients }, (_, seed) => {
    const backoff = new Backoff(random(seed));
    let now = backoff.next(false);
    while (now < outage) now += backoff.next(true, now);
    return now - outage;
  });
}

test.each([
  [3, 1, 200],
  [60, 2.5, 80],
])("a thousand clients come back soon after %d s, and not together", (outage, within, most) => {
  const times = drawn(1_000, outage);
  expect(Math.max(...times)).toBeLessThanOrEqual(within);
  for (let tenth = 0; tenth < 25; tenth += 1) {
    const together = times.filter((time) => tenth / 10 <= time && time < (tenth + 1) / 10);
    expect(together.length).toBeLessThanOrEqual(most);
  }
});

test.each([
  [1, 2],
  [10, 15],
])("who is asked to come back after %d s does not come with all others", (asked, latest) => {
  const times = Array.from({ length: 100 }, (_, seed) => new Backoff(random(seed)).after(asked));
  expect(Math.min(...times)).toBeGreaterThanOrEqual(asked);
  expect(Math.max(...times)).toBeLessThanOrEqual(latest);
  expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(0.9 * (latest - asked));
});
