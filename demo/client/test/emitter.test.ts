/** Events: in order, one handler after another, and nothing that throws stops anything. */

import { expect, test, vi } from "vitest";
import { call, Emitter, isHandling, Listeners, MAX_WAITING, type Report } from "../src/emitter.ts";
import { eventually, inTime } from "./waiting.ts";

type BellEvents = { ring: [n: number]; pair: [n: number, m: string]; stop: [] };

class Bell extends Emitter<BellEvents> {
  constructor(report: Report | null = null) {
    super(["ring", "pair", "stop"], report);
  }
}

/** Something that a handler waits for. */
function gate(): { opened: Promise<void>; open: () => void } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

test("handlers run one after another in the order of events, never inside the code that emits", async () => {
  const bell = new Bell();
  const order: unknown[] = [];
  const { opened, open } = gate();
  bell.on("ring", async (n) => {
    order.push(["begin", n]);
    if (n === 0) await opened;
    order.push(["end", n]);
  });
  bell.on("ring", (n) => order.push(["second", n]));
  for (const n of [0, 1, 2]) bell._emit("ring", n);
  expect(order).toEqual([]);
  await Promise.resolve();
  expect(order).toEqual([]);
  await eventually(() => order.length === 1);
  open();
  await bell._endEvents(20);
  expect(order).toEqual([0, 1, 2].flatMap((n) => ["begin", "end", "second"].map((what) => [what, n])));
});

test("once, off, and the function that takes a handler off", async () => {
  const bell = new Bell();
  const seen: string[] = [];
  const gone = (): void => void seen.push("gone");
  bell.once("ring", (n) => seen.push(`once ${n}`));
  bell.on("ring", (n) => seen.push(`always ${n}`));
  bell.on("ring", gone);
  bell.off("ring", gone);
  bell.off("ring", gone);
  const off = bell.on("ring", gone);
  off();
  off();
  const offOnce = bell.once("ring", gone);
  offOnce();
  bell._emit("ring", 1);
  bell._emit("ring", 2);
  await bell._endEvents(20);
  expect(seen).toEqual(["once 1", "always 1", "always 2"]);
});

test("one function registered twice is called twice, and each registration is its own", async () => {
  const bell = new Bell();
  const seen: number[] = [];
  const handler = (n: number): void => void seen.push(n);
  bell.on("ring", handler);
  bell.once("ring", handler);
  bell._emit("ring", 1);
  bell._emit("ring", 2);
  await bell._endEvents(20);
  expect(seen).toEqual([1, 1, 2]);
});

test("a handler that is taken off is not called for what happens later", async () => {
  const bell = new Bell();
  const seen: number[] = [];
  const off = bell.on("ring", (n) => {
    seen.push(n);
    off();
  });
  bell._emit("ring", 1);
  await eventually(() => seen.length === 1);
  bell._emit("ring", 2);
  await bell._endEvents(20);
  expect(seen).toEqual([1]);
});

test("what throws or rejects is reported and stops nothing", async () => {
  const errors: unknown[] = [];
  const bell = new Bell((error) => errors.push(error));
  const after: number[] = [];
  bell.on("ring", () => {
    throw new TypeError("at once");
  });
  bell.on("ring", (n) => Promise.reject(new RangeError(`later ${n}`)));
  bell.on("ring", (n) => void after.push(n));
  bell._emit("ring", 7);
  bell._emit("ring", 8);
  await bell._endEvents(20);
  expect(errors.map(String)).toEqual([
    "TypeError: at once",
    "RangeError: later 7",
    "TypeError: at once",
    "RangeError: later 8",
  ]);
  expect(after).toEqual([7, 8]);
});

test("without anybody to report to, the console says it", async () => {
  const said = vi.spyOn(console, "error").mockReturnValue(undefined);
  try {
    const bell = new Bell();
    bell.on("stop", () => {
      throw new Error("unheard");
    });
    bell._emit("stop");
    await bell._endEvents(20);
    expect(said).toHaveBeenCalledWith("eitherway:", "a handler threw", new Error("unheard"));
  } finally {
    said.mockRestore();
  }
});

test("events can be read, from the call on, until the end", async () => {
  const bell = new Bell();
  bell._emit("ring", -1);
  const reading = bell.events("ring");
  const pairs = bell.events("pair");
  for (const n of [0, 1, 2]) bell._emit("ring", n);
  bell._emit("pair", 3, "four");
  await bell._endEvents();
  const seen: unknown[] = [];
  for await (const args of reading) seen.push(args);
  for await (const [n, m] of pairs) seen.push([n, m]);
  expect(seen).toEqual([[0], [1], [2], [3, "four"]]);
  expect(await bell.events("ring").next()).toEqual({ done: true, value: undefined });
});

test("a reader that waits gets what comes, ends with its emitter, and may leave", async () => {
  const bell = new Bell();
  const reading = bell.events("ring");
  const next = reading.next();
  bell._emit("ring", 1);
  expect(await inTime(next)).toEqual({ done: false, value: [1] });
  const last = reading.next();
  await bell._endEvents();
  expect((await inTime(last)).done).toBe(true);
  const other = new Bell();
  const leaving = other.events("ring");
  other._emit("ring", 1);
  await leaving.next();
  await leaving.return();
  expect((await leaving.next()).done).toBe(true);
  const warned = vi.spyOn(console, "warn").mockReturnValue(undefined);
  try {
    for (let n = 0; n <= MAX_WAITING; n += 1) other._emit("ring", n);
    expect(warned, "nothing is kept for who has left").not.toHaveBeenCalled();
  } finally {
    warned.mockRestore();
  }
});

test("slow handlers and readers lose the oldest, and no memory", async () => {
  const warned = vi.spyOn(console, "warn").mockReturnValue(undefined);
  try {
    const bell = new Bell();
    const { opened, open } = gate();
    const seen: number[] = [];
    bell.on("ring", async (n) => {
      await opened;
      seen.push(n);
    });
    const reading = bell.events("ring");
    for (let n = 0; n < MAX_WAITING + 5; n += 1) bell._emit("ring", n);
    expect(warned).toHaveBeenCalledTimes(10);
    open();
    await bell._endEvents(20);
    const read: number[] = [];
    for await (const [n] of reading) read.push(n);
    const newest = Array.from({ length: MAX_WAITING }, (_, at) => at + 5);
    expect(seen).toEqual(newest);
    expect(read).toEqual(newest);
  } finally {
    warned.mockRestore();
  }
});

test("an end does not wait for ever for a handler that does not, and begins no other", async () => {
  const bell = new Bell();
  const { opened, open } = gate();
  const seen: number[] = [];
  bell.on("ring", async (n) => {
    seen.push(n);
    await opened;
  });
  bell._emit("ring", 1);
  bell._emit("ring", 2);
  await inTime(bell._endEvents(0.05));
  open();
  bell._emit("ring", 3);
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  expect(seen).toEqual([1]);
});

test("an end that a handler asks for does not wait for that handler", async () => {
  const bell = new Bell();
  let ended = false;
  bell.on("stop", async () => {
    await bell._endEvents(null);
    ended = true;
  });
  bell._emit("stop");
  await eventually(() => ended);
});

test("who handles is known to the handler, and to nobody else", async () => {
  const [one, two] = [{}, {}];
  const seen: boolean[] = [];
  const inner = (): void => void seen.push(isHandling(one), isHandling(two));
  await call(one, () => call(two, inner, [], null).then(() => undefined), [], null);
  await call(one, inner, [], null);
  seen.push(isHandling(one));
  expect(seen).toEqual([false, true, true, false, false]);
});

test("unknown events and what is no handler are refused", () => {
  const listeners = new Listeners<BellEvents>("ring", "stop");
  expect(() => listeners.add("rang" as "ring", () => 1)).toThrow(/there is ring, stop/);
  expect(() => listeners.add("ring", null as never)).toThrow(/must be a function, not null/);
  const bell = new Bell();
  expect(() => bell.on("rang" as "ring", () => 1)).toThrow(RangeError);
  expect(() => bell.events("constructor" as "ring")).toThrow(RangeError);
  expect(bell._listens("ring")).toBe(false);
  bell.on("ring", () => 1);
  expect(bell._listens("ring")).toBe(true);
});

// The types of events: what does not compile here would be an error in applications.
const typed = new Bell();
typed.on("pair", (n: number, m: string) => [n, m]);
// @ts-expect-error -- there is no such event
expect(() => typed.on("other", () => 1)).toThrow(RangeError);
// @ts-expect-error -- a ring's argument is a number
typed.on("ring", (n: string) => n);
