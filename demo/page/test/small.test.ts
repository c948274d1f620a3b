import { describe, expect, test } from "vitest";
import { count, duration, size } from "../src/format.ts";
import { fileName, oneLine, randomName, shownName } from "../src/names.ts";
import { Pauses } from "../src/pauses.ts";
import { median, RoundTrips } from "../src/round-trips.ts";

test("figures", () => {
  expect(count(1234567)).toBe("1,234,567");
  expect([0.8441, 12.34, 431.2, 999.4, 2100].map(duration)).toEqual(["0.84 ms", "12.3 ms", "431 ms", "999 ms", "2.1 s"]);
  expect([0, 999, 16_000, 1_400_000, 999_999, 104_857_600, 5e15].map(size)).toEqual([
    "0 B",
    "999 B",
    "16 kB",
    "1.4 MB",
    "1.0 MB",
    "105 MB",
    "5000 TB",
  ]);
});

describe("names", () => {
  test.each([
    ["report.pdf", "report.pdf"],
    ["../../etc/passwd", "passwd"],
    ["C:\\Windows\\system32\\evil.exe", "evil.exe"],
    ["/", "file"],
    ["..", "file"],
    [".bashrc", "bashrc"],
    ["photo\u202egpj.exe", "photo gpj.exe"],
    ["a\u0000b\nc", "a b c"],
    ["<img src=x onerror=alert(1)>", "_img src=x onerror=alert(1)_"],
    [undefined, "file"],
    [7, "file"],
  ])("a file called %j is saved as %j", (name, saved) => {
    expect(fileName(name)).toBe(saved);
  });

  test("a long one is cut", () => {
    expect(Array.from(fileName("x".repeat(500)))).toHaveLength(120);
  });

  test("a peer is called what it says in one line, or by its id", () => {
    const id = "abcdefghijklmnop";
    expect(shownName({ name: "Ada" }, id)).toBe("Ada");
    expect(shownName({ name: "  \n\t" }, id)).toBe("abcdefgh");
    expect(shownName({ name: 5 }, id)).toBe("abcdefgh");
    expect(shownName(null, id)).toBe("abcdefgh");
    expect(Array.from(shownName({ name: "🦦".repeat(99) }, id))).toHaveLength(32);
    expect(oneLine("a\u2028b", 9)).toBe("a b");
  });

  test("somebody new has one", () => {
    expect(randomName(() => 0)).toBe("Amber Badger");
    expect(randomName(() => 0.9999)).toBe("Lucky Puffin");
  });
});

test("the longest pause is the longest since somebody looked, one that lasts included", () => {
  const pauses = new Pauses();
  pauses.heard("a", 0);
  pauses.heard("a", 900);
  pauses.watch(1000);
  expect(pauses.longest(1000)).toBe(0);
  expect(pauses.untilAllWereHeard(1200)).toBe(200);
  pauses.heard("a", 1400);
  pauses.heard("a", 1450);
  expect(pauses.longest(1500)).toBe(400);
  expect(pauses.longest(2450)).toBe(1000);
  expect(pauses.untilAllWereHeard(2450)).toBe(400);
  pauses.heard("b", 3000);
  expect(pauses.untilAllWereHeard(3000)).toBe(2000);
  pauses.forget("b");
  pauses.forget("a");
  expect(pauses.untilAllWereHeard(9999)).toBe(0);
  expect(pauses.longest(9999)).toBe(400);
});

test("round trips are medians of each interval, for a minute", () => {
  const trips = new RoundTrips();
  for (const ms of [1, 9, 2]) trips.add("direct", ms);
  trips.close(10);
  trips.add("relay", 4);
  trips.close(10.5);
  expect(trips.columns(11)).toEqual([[-1, -0.5], [2, null], [null, 4]]);
  expect(trips.newest("direct", 11)).toBe(2);
  expect(trips.newest("direct", 25)).toBe(null);
  trips.close(70.2);
  expect(trips.columns(70.2)[0]).toHaveLength(2);
  expect(median([])).toBe(null);
});
