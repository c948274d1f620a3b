/** When the server is told of how links go, and what. */

import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { Report } from "../../src/protocol/events.ts";
import { MAX_REPORT_TIME, MAX_REPORT_TIMES, REPORT_EVERY_SECONDS } from "../../src/protocol/limits.ts";
import { Reports, SETTLING, type Way } from "../../src/reports.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** What a client would report: its links by their ways, and what the server is told, with the second. */
class Told {
  readonly rooms = new Map<string, { peers: Map<string, { _link: { way: Way | null } }> }>();
  readonly all: [second: number, report: Report][] = [];
  readonly reports: Reports;
  readonly #began = performance.now();

  constructor() {
    this.reports = new Reports({ emit: async (_, data) => void this.all.push([this.second, data as Report]) }, this.rooms);
    this.links();
  }

  get second(): number {
    return Math.round((performance.now() - this.#began) / 100) / 10;
  }

  /** The room has these links. */
  links(...ways: (Way | null)[]): void {
    this.rooms.set("lobby", { peers: new Map(ways.map((way, index) => [`${index}`, { _link: { way } }])) });
  }
}

function pass(seconds: number): void {
  vi.advanceTimersByTime(seconds * 1000);
}

function report(direct: number, turn: number, relay: number, ...times: number[]): Report {
  return { direct, turn, relay, times };
}

test("links of all rooms are counted by their way, soon, and once", () => {
  const told = new Told();
  told.reports.start();
  told.links("direct", "relay", null, "turn");
  told.rooms.set("hall", { peers: new Map([["x", { _link: { way: "direct" } }]]) });
  told.reports.moved();
  pass(100);
  told.reports.moved();
  pass(100);
  expect(told.all).toEqual([[SETTLING, report(2, 1, 1)]]);
});

test("what changes soon after a report is told together", () => {
  const told = new Told();
  told.links("relay");
  told.reports.start();
  pass(SETTLING);
  for (const seconds of [0.25, 0.5]) {
    pass(1);
    told.links("direct", "direct");
    told.reports.moved(seconds);
  }
  expect(vi.getTimerCount()).toBe(1);
  pass(REPORT_EVERY_SECONDS);
  told.links("direct");
  told.reports.moved();
  pass(100);
  expect(told.all).toEqual([
    [SETTLING, report(0, 0, 1)],
    [SETTLING + REPORT_EVERY_SECONDS, report(2, 0, 0, 0.25, 0.5)],
    [SETTLING + 2 * REPORT_EVERY_SECONDS, report(1, 0, 0)],
  ]);
});

test("without links there is nothing to tell, and without a room neither", () => {
  const told = new Told();
  told.reports.start();
  pass(10);
  told.rooms.clear();
  told.reports.moved(1);
  pass(10);
  expect(told.all).toEqual([]);
  told.links();
  told.reports.moved();
  pass(10);
  expect(told.all.map(([, one]) => one)).toEqual([report(0, 0, 0, 1)]);
});

test("of too many times the oldest are left out, and none is too long", () => {
  const told = new Told();
  told.reports.start();
  for (let second = 0; second < MAX_REPORT_TIMES + 3; second += 1) told.reports.moved(second);
  told.reports.moved(2 * MAX_REPORT_TIME);
  pass(SETTLING);
  const times = told.all[0]?.[1].times ?? [];
  expect([times.length, times[0], times.at(-1)]).toEqual([MAX_REPORT_TIMES, 4, MAX_REPORT_TIME]);
});

test("a server that takes no reports is told nothing, and the next one all", () => {
  const told = new Told();
  told.links("direct");
  told.reports.moved(0.5);
  pass(100);
  expect([told.all, vi.getTimerCount()]).toEqual([[], 0]);
  told.reports.start();
  pass(SETTLING);
  expect(told.all).toEqual([[100 + SETTLING, report(1, 0, 0, 0.5)]]);
});

test("the next connection is told anew, and no sooner", () => {
  const told = new Told();
  told.links("direct");
  told.reports.start();
  pass(SETTLING);
  told.reports.moved();
  told.reports.stop();
  told.reports.moved();
  expect(vi.getTimerCount()).toBe(0);
  told.reports.start();
  pass(100);
  expect(told.all).toEqual([SETTLING, SETTLING + REPORT_EVERY_SECONDS].map((at) => [at, report(1, 0, 0)]));
});
