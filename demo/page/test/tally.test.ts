import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Tally } from "../src/tally.ts";

function tallied(numbers: readonly number[]): Tally {
  const tally = new Tally();
  for (const number of numbers) tally.receive(number);
  return tally;
}

describe("a tally", () => {
  test("of everything in order has nothing to say", () => {
    const { received, lost, doubled, swapped, last } = tallied([1, 2, 3, 4]);
    expect({ received, lost, doubled, swapped, last }).toEqual({ received: 4, lost: 0, doubled: 0, swapped: 0, last: 4 });
  });

  test("begins with the first number that it sees", () => {
    expect(tallied([500, 501]).lost).toBe(0);
  });

  test("calls what was passed over lost, and swapped once it comes", () => {
    const tally = tallied([1, 2, 5]);
    expect(tally.lost).toBe(2);
    tally.receive(3);
    expect([tally.lost, tally.swapped, tally.doubled]).toEqual([1, 1, 0]);
    tally.receive(3);
    expect([tally.lost, tally.swapped, tally.doubled]).toEqual([1, 1, 1]);
  });

  test("calls what comes again doubled", () => {
    expect(tallied([1, 2, 2, 1]).doubled).toBe(2);
  });

  test("takes numbers only", () => {
    expect(tallied([1, 0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2]).received).toBe(2);
  });

  test("of a peer that makes numbers up stays small and exact", () => {
    const tally = new Tally();
    for (let n = 1; n <= 3000; n += 1) tally.receive(n * 10);
    expect(tally.lost).toBe(2999 * 9);
    tally.receive(Number.MAX_SAFE_INTEGER);
    expect(tally.lost).toBeGreaterThan(2 ** 52);
  });

  test("agrees with a list, whatever comes", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (numbers) => {
        const tally = tallied(numbers);
        const first = numbers[0] ?? 0;
        const seen = new Set(numbers.filter((n) => n >= first));
        const highest = Math.max(...numbers);
        const expected = Array.from({ length: highest - first + 1 }, (_, i) => first + i);
        expect(tally.lost).toBe(expected.filter((n) => !seen.has(n)).length);
        expect(tally.received).toBe(seen.size);
        expect(tally.received + tally.doubled).toBe(numbers.length);
      }),
    );
  });
});
