import { describe, expect, test } from "vitest";
import choosing from "../../../docs/choosing.md?raw";
import { groundFor } from "../src/compare/ground.ts";
import { readMeasured } from "../src/compare/measured.ts";
import { bytesOf } from "../src/compare/meter.ts";
import { type Figures, numberOf, ordered } from "../src/compare/order.ts";
import { eventIn } from "../src/compare/roads/streaming.ts";
import { MARKS, percentile, place } from "../src/compare/scale.ts";
import { TRANSPORTS } from "../src/compare/transports.ts";
import { readProbe } from "../src/probes.ts";

describe("what docs/choosing.md has measured", () => {
  const { rows, when } = readMeasured(choosing);

  test("is of the transports that the page compares, but for the long-poll", () => {
    const names = TRANSPORTS.filter(({ id }) => id !== "long-poll").map(({ name }) => name);
    expect([...rows.keys()]).toEqual(names);
  });

  test("is shown as it stands there", () => {
    const [, line = ""] = /^\| webhook \|(.*)\|$/m.exec(choosing) ?? [];
    const [late, , bytes, cpu] = line.split("|").map((cell) => cell.trim());
    expect(rows.get("webhook")).toEqual({ late, bytes, cpu, ms: Number.parseFloat(late ?? "") });
    for (const { ms } of rows.values()) expect(ms).toBeGreaterThan(0);
    expect(when).toMatch(/^20\d\d-.*rounds/);
  });

  test("a page without that table, or with another one, is an error", () => {
    expect(() => readMeasured("")).toThrow("no table");
    expect(() => readMeasured(choosing.replace("CPU of the server", "CPU"))).toThrow("no table");
  });
});

describe("a room to measure in", () => {
  const token = (claims: object): string => `e30.${btoa(JSON.stringify(claims)).replaceAll("=", "")}.s`;

  test.each([
    [null, "compare-1"],
    [token({ rooms: ["*"] }), "compare-1"],
    [token({ rooms: ["team", "comp*-*"] }), "compare-1"],
    [token({ rooms: ["team"] }), "team"],
    [token({ rooms: ["compare-", "c.*", "ompare-1"] }), "team"],
    [token({ rooms: [5] }), "team"],
    [token({}), "team"],
    ["no token", "team"],
  ])("with the token %j it is %j", (shown, room) => {
    expect(groundFor(shown, "compare-1", "team")).toBe(room);
  });
});

test("the scale is by powers of ten, and nothing is beyond its ends", () => {
  expect(MARKS.map(place)).toEqual([0, 0.25, 0.5, 0.75, 1].map((share) => expect.closeTo(share, 9)));
  expect(place(0)).toBe(0);
  expect(place(99_999)).toBe(1);
});

test("percentiles", () => {
  const values = Array.from({ length: 40 }, (_, index) => 40 - index);
  expect([percentile(values, 0.5), percentile(values, 0.95), percentile(values, 0)]).toEqual([20, 38, 1]);
  expect(percentile([], 0.5)).toBe(null);
});

describe("rows", () => {
  const row = (name: string, median: number | null): { name: string; figures: Figures } => ({
    name,
    figures: { median, late: null, bytes: null, documented: null, wire: null, cpu: null },
  });
  const rows = [row("a", 3), row("b", null), row("c", 1), row("d", null)];
  const names = (all: readonly { name: string }[]): string => all.map(({ name }) => name).join("");

  test("are in order of a figure, those without it last", () => {
    expect(names(ordered(rows, "median"))).toBe("cabd");
    expect(names(ordered(rows, "cpu"))).toBe("abcd");
    expect(names(ordered(rows, null))).toBe("abcd");
  });

  test("have figures that are read as they are written", () => {
    expect(["1,324", "725 us", "0 us", "–", ""].map(numberOf)).toEqual([1324, 725, 0, null, null]);
  });
});

test("bytes of what is sent, not characters", () => {
  expect([bytesOf("äx"), bytesOf(new ArrayBuffer(5)), bytesOf(new Uint8Array(3)), bytesOf(undefined)]).toEqual([3, 5, 3, 0]);
});

test.each([
  ['data: {"id":1,"topic":"a","data":"7 xxx"}', "7 xxx"],
  ['{"id":1,"topic":"a","data":"7 xxx"}', "7 xxx"],
  ['data: {"watching":5}', null],
  ['{"watching":5}', null],
  ["id: 5", null],
  [": still here", null],
  ["", null],
])("of the line %j of a stream, the event is %j", (line, event) => {
  expect(eventIn(line)).toBe(event);
});

test.each([
  [{ from: "a", probe: "1 xx" }, true],
  [{ from: "a", probe: "x".repeat(1001) }, false],
  [{ from: "a", probe: 1 }, false],
  [{ from: 1, probe: "x" }, false],
  [{ from: "a", run: 1, n: 1, got: null }, false],
  [null, false],
  ["probe", false],
])("%j is a probe: %j", (data, is) => {
  expect(readProbe(data) !== null).toBe(is);
});
