/** Tries to reach a server, side by side. */

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { firstOf, type Line, MOST_TRIES, OVERLAP } from "../src/tries.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A try that was begun: its line, and what ends it. */
interface Begun {
  readonly line: Line;
  readonly succeed: (made: string) => void;
  readonly fail: (error: Error) => void;
}

/** What is begun, and what is given up. */
class Dials {
  readonly begun: Begun[] = [];
  readonly givenUp: Promise<string>[] = [];
  readonly begin = (line: Line): Promise<string> =>
    new Promise((succeed, fail) => {
      this.begun.push({ line, succeed, fail });
    });
  readonly giveUp = (tried: Promise<string>): void => {
    this.givenUp.push(tried);
  };
  readonly first: Promise<string>;

  constructor(signal?: AbortSignal) {
    this.first = firstOf(this.begin, this.giveUp, signal);
    this.first.catch(() => undefined); // whoever expects it looks at it
  }

  try(at: number): Begun {
    const begun = this.begun[at];
    if (begun === undefined) throw new Error(`try ${at} was not begun`);
    return begun;
  }

  get aborted(): boolean[] {
    return this.begun.map(({ line }) => line.signal.aborted);
  }
}

const LONG = OVERLAP[1] * 1_000;

test("while tries hang more are begun, but not without end", async () => {
  const dials = new Dials();
  expect(dials.begun).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(OVERLAP[0] * 1_000 - 1);
  expect(dials.begun).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(LONG - OVERLAP[0] * 1_000 + 2);
  expect(dials.begun).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(LONG * MOST_TRIES * 2);
  expect(dials.begun).toHaveLength(MOST_TRIES);
  dials.try(3).succeed("the fourth");
  expect(await dials.first).toBe("the fourth");
  expect(dials.aborted).toEqual([true, true, true, false, true]);
  expect(dials.givenUp).toHaveLength(MOST_TRIES - 1);
  dials.try(0).succeed("late, but it has come about");
  expect(await dials.givenUp[0]).toBe("late, but it has come about");
  expect(vi.getTimerCount()).toBe(0);
});

test("a failure is that of all", async () => {
  const dials = new Dials();
  await vi.advanceTimersByTimeAsync(LONG * 2);
  dials.try(0).fail(new Error("refused"));
  await expect(dials.first).rejects.toThrow("refused");
  expect(dials.aborted).toEqual([false, true, true]);
});

test("of two that end together the one that succeeds counts", async () => {
  const dials = new Dials();
  await vi.advanceTimersByTimeAsync(LONG * 2);
  dials.try(0).fail(new Error("no answer"));
  dials.try(1).succeed("connected");
  dials.try(2).succeed("connected, too");
  expect(await dials.first).toMatch(/^connected/);
  expect(dials.givenUp).toHaveLength(2);
  await expect(dials.givenUp[0]).rejects.toThrow("no answer");
});

test("no second try loads a server that has answered", async () => {
  const dials = new Dials();
  dials.try(0).line.answer();
  await vi.advanceTimersByTimeAsync(LONG * 10);
  expect(dials.begun).toHaveLength(1);
  dials.try(0).succeed("connected");
  expect(await dials.first).toBe("connected");
});

test("who is called off gives up all, and says why", async () => {
  const calling = new AbortController();
  const dials = new Dials(calling.signal);
  await vi.advanceTimersByTimeAsync(LONG);
  calling.abort(new Error("closed"));
  await expect(dials.first).rejects.toThrow("closed");
  expect(dials.aborted).toEqual([true, true]);
  expect(dials.givenUp).toHaveLength(2);
  expect(vi.getTimerCount()).toBe(0);
});

test("who is called off before it begins begins nothing", async () => {
  const dials = new Dials(AbortSignal.abort(new Error("closed")));
  await expect(dials.first).rejects.toThrow("closed");
  expect(dials.begun).toHaveLength(0);
});
