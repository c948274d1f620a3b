/** The console is not filled, whoever gives cause to complain. */

import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { complain, EVERY, MOST } from "../src/complaints.ts";

let time = 0;

beforeEach(() => {
  time += 10 * EVERY * 1_000;
  vi.spyOn(performance, "now").mockImplementation(() => time);
  for (const level of ["warn", "error"] as const) vi.spyOn(console, level).mockReturnValue(undefined);
});
afterEach(() => vi.restoreAllMocks());

test("so many lines are said in a while, and how many more there were with the next", () => {
  for (let n = 0; n < MOST + 7; n += 1) complain(n % 2 === 0 ? "warn" : "error", "line", n);
  expect(console.error).toHaveBeenCalledTimes(MOST / 2);
  expect(vi.mocked(console.warn).mock.calls).toEqual(Array.from({ length: MOST / 2 }, (_, n) => ["eitherway:", "line", 2 * n]));
  time += EVERY * 1_000 - 1;
  complain("warn", "too early");
  time += 1;
  complain("warn", "later");
  expect(vi.mocked(console.warn).mock.calls.slice(MOST / 2)).toEqual([
    ["eitherway: 8 more lines were left out here"],
    ["eitherway:", "later"],
  ]);
});

test("where nothing was left out, nothing is said of it", () => {
  for (let n = 0; n < MOST; n += 1) complain("error", n);
  time += EVERY * 1_000;
  complain("error", "next");
  expect(console.error).toHaveBeenCalledTimes(MOST + 1);
  expect(console.warn).not.toHaveBeenCalled();
});
