/** Attempts at a direct path with real connections, their signals passed by hand. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { Attempts, Quota } from "../../src/attempts.ts";
import { now } from "../../src/clock.ts";
import { Lane } from "../../src/codec/frames.ts";
import { Negotiation } from "../../src/negotiation/index.ts";
import type { MakeConnection } from "../../src/paths/direct.ts";
import { seeded } from "../negotiation/random.ts";
import { eventually } from "../waiting.ts";
import { makeConnection, RETRIES } from "./direct-pair.ts";

/** How many paths a side may hold, and what makes them; null: nothing does. */
interface Options {
  readonly most?: number;
  readonly make?: MakeConnection | null;
}

/** One link's attempts, and what they told. It adopts a path as soon as that is open. */
class Side {
  readonly attempts: Attempts;
  readonly quota: Quota;
  readonly opened: number[] = [];
  readonly packets: [number, string][] = [];
  readonly ended: [number, string][] = [];
  other: Side | null = null;
  #timer: ReturnType<typeof setInterval>;

  constructor(offers: boolean, { most = 4, make = makeConnection ?? null }: Options = {}) {
    const negotiation = new Negotiation({ offers, random: seeded(1), now: now() });
    this.quota = new Quota(most);
    this.attempts = new Attempts(negotiation, {
      quota: this.quota,
      makeConnection: make ?? undefined,
      iceServers: () => [],
      sendSignal: (kind, attempt, payload) => {
        const signal = structuredClone(payload); // as the wire has it
        setImmediate(() => this.other?.receive(kind, attempt, signal));
      },
      onOpen: (attempt) => {
        this.opened.push(attempt);
        negotiation.opened(attempt, now());
        negotiation.adopted(attempt, now());
        this.attempts.run(now());
      },
      onPacket: (attempt, packet) => this.packets.push([attempt, Buffer.from(packet).toString()]),
      onDrain: () => undefined,
      onEnded: (attempt, reason) => this.ended.push([attempt, reason]),
    });
    this.#timer = setInterval(() => {
      if (now() >= (negotiation.nextTimeout() ?? Infinity)) negotiation.handleTimeout(now());
      this.attempts.run(now());
    }, 10);
  }

  receive(kind: string, attempt: number, payload: unknown): void {
    this.attempts.negotiation.receive(kind, attempt, payload, now());
    this.attempts.run(now());
  }

  want(): void {
    this.attempts.negotiation.setAllowed(true, now());
    this.attempts.negotiation.want(now());
    this.attempts.run(now());
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.attempts.close();
  }
}

let sides: Side[] = [];

function pair(options: Options = {}): [Side, Side] {
  const offering = new Side(true, options);
  const answering = new Side(false);
  offering.other = answering;
  answering.other = offering;
  sides = [offering, answering];
  for (const side of sides) side.want();
  return [offering, answering];
}

beforeEach(() => {
  sides = [];
});

afterEach(async () => {
  await Promise.all(sides.map((side) => side.close()));
});

describe.skipIf(makeConnection === undefined)("attempts", { retry: RETRIES }, () => {
  test("an attempt opens a path on both sides, which carries packets", async () => {
    const [offering, answering] = pair();
    await eventually(() => sides.every((side) => side.attempts.negotiation.live === 1), "adoption");
    expect(sides.map(({ opened, attempts, quota }) => [opened, attempts.made, quota.left])).toEqual([
      [[1], 1, 3],
      [[1], 1, 3],
    ]);
    offering.attempts.paths.get(1)?.send(Lane.RELIABLE, Buffer.from("there"));
    answering.attempts.paths.get(1)?.send(Lane.BULK, Buffer.from("back"));
    await eventually(() => sides.every((side) => side.packets.length === 1), "the packets");
    expect(sides.map((side) => side.packets)).toEqual([[[1, "back"]], [[1, "there"]]]);
  });

  test("a path that ends is replaced by another attempt, and its place is given back", async () => {
    const [offering] = pair();
    await eventually(() => sides.every((side) => side.attempts.negotiation.live === 1), "adoption");
    offering.attempts.negotiation.traffic(now());
    offering.attempts.end(1);
    await eventually(() => sides.every((side) => side.ended.length === 1), "the end");
    expect(offering.ended).toEqual([[1, "closed"]]);
    await eventually(() => sides.every((side) => side.attempts.negotiation.live === 2), "the next one");
    expect(sides.map(({ quota, attempts }) => [quota.left, attempts.paths.size])).toEqual([
      [3, 1],
      [3, 1],
    ]);
  });

  test("while an attempt takes over there are two, then the older ones are closed", async () => {
    const [offering] = pair();
    await eventually(() => sides.every((side) => side.attempts.negotiation.live === 1), "adoption");
    offering.receive("request", 1, { seen: 1 });
    await eventually(() => sides.every((side) => side.attempts.negotiation.live === 2), "the next one");
    await eventually(() => sides.every((side) => side.attempts.paths.size === 1), "the end of the older");
    expect(offering.ended.map(([attempt]) => attempt)).toEqual([1]);
  });

  test.each<[string, Options]>([
    ["as many paths as it may hold", { most: 0 }],
    ["nothing to make one with", { make: null }],
  ])("with %s an attempt comes to nothing, and is told", async (_, options) => {
    const [offering] = pair(options);
    await eventually(() => offering.ended.length > 0, "the end");
    expect(offering.ended[0]).toEqual([1, "no direct path to be had"]);
    expect([offering.attempts.made, offering.attempts.paths.size, offering.quota.left]).toEqual([0, 0, options.most ?? 4]);
    expect(offering.attempts.negotiation.nextTimeout()).toBeGreaterThan(now());
  });

  test("an engine that refuses ends the attempt, and nothing else", async () => {
    const refuses = class {
      constructor() {
        throw new DOMException("too many connections", "UnknownError");
      }
    } as unknown as MakeConnection;
    const [offering] = pair({ make: refuses });
    await eventually(() => offering.ended.length > 0, "the end");
    expect(offering.ended[0]).toEqual([1, "too many connections"]);
    expect(offering.quota.left).toBe(4);
  });

  test("closing ends every path and waits for what is under way", async () => {
    const [offering, answering] = pair();
    await Promise.all([offering.close(), answering.close()]);
    expect(sides.map(({ attempts, quota }) => [attempts.paths.size, quota.left])).toEqual([
      [0, 4],
      [0, 4],
    ]);
    offering.want();
    offering.receive("request", 0, { seen: 0 });
    expect(offering.attempts.paths.size).toBe(0);
  });
});
