/** One session by hand: what each rule promises, where random lives would notice its absence late or never. */

import { describe, expect, test } from "vitest";
import { type Frame, FrameType, Lane } from "../../src/codec/frames.ts";
import { decodeAck, decodePing, decodePong, encodeDatagram, encodePing } from "../../src/codec/payloads.ts";
import * as values from "../../src/codec/values.ts";
import { Budget } from "../../src/session/credit.ts";
import { KIB, MIB, RULES } from "../../src/session/rules.ts";
import { DIRECT, RELAY, Single, bytes, control } from "./single.ts";

function opening(one: Single, number: number, label: string, lane: Lane = Lane.RELIABLE, on: Lane = Lane.RELIABLE): Frame {
  const payload = values.encode([label, "", lane, {}]);
  return one.data(payload, { channel: number, kind: FrameType.OPEN, lane: on });
}

describe("order and copies (S3)", () => {
  test("frames that come early wait for their turn; copies are dropped", () => {
    const one = new Single();
    const [first, second, third] = [one.data("1"), one.data("2"), one.data("3")];
    one.receive(RELAY, third, second, second);
    expect(one.messages()).toEqual([]);
    one.receive(RELAY, first, first, third);
    expect(one.messages()).toEqual(["1", "2", "3"]);
    one.receive(RELAY, second);
    expect(one.messages()).toEqual([]);
    expect(decodeAck((one.wait(0.03)[0] as { frames: Frame[] }).frames[0]?.payload as Uint8Array).reliable).toBe(4);
  });

  test("what is beyond the window is dropped", () => {
    const one = new Single({ rules: { ...RULES, frameWindow: 4, reliableWindow: 100 } });
    one.receive(RELAY, one.data("far", { seq: 5 }), one.data("5", { seq: 4 }), one.data(new Uint8Array(90), { seq: 3 }));
    one.receive(RELAY, one.data("1"), one.data("2"));
    expect(one.messages()).toEqual(["1", "2"]);
    one.receive(RELAY, one.data("3", { seq: 3 }));
    expect(one.messages()).toEqual(["3", "5"]);
  });

  test("a message in pieces becomes one again, and each piece is a view of it", () => {
    const one = new Single();
    const message = Uint8Array.from({ length: 50_000 }, (_, at) => at);
    one.send(message);
    const frames = one.frames(FrameType.BYTES);
    expect(frames.map(({ payload, more }) => [payload.length, more])).toEqual([
      [RULES.chunk, true],
      [RULES.chunk, true],
      [RULES.chunk, true],
      [50_000 - 3 * RULES.chunk, false],
    ]);
    expect(frames.every(({ payload }) => payload.buffer === message.buffer)).toBe(true);
    const two = new Single();
    two.receive(RELAY, ...frames);
    const [event] = two.events();
    expect(event).toMatchObject({ type: "MessageReceived", charge: 50_000 + 4 * 64, path: "relay" });
    expect(event).toHaveProperty("payload", message);
  });

  test("what the application gets holds on to no packet", () => {
    const one = new Single();
    const packet = new Uint8Array(50_000);
    one.receive(RELAY, one.data(packet.subarray(7, 10)), opening(one, 1, "d", Lane.DATAGRAM));
    const [event] = one.events();
    expect(event).toHaveProperty("payload.buffer.byteLength", 3);
    packet.set(encodeDatagram(1, bytes("xyz")), 7);
    one.receive(RELAY, { ...control(FrameType.BYTES, packet.subarray(7, 14)), channel: 1 });
    const [datagram] = one.events();
    expect(datagram).toMatchObject({ type: "DatagramReceived", payload: bytes("xyz") });
    expect(datagram).toHaveProperty("payload.buffer.byteLength", 3);
  });

  test("datagrams come once, in whatever order, and not when they are too old to know", () => {
    const one = new Single();
    one.receive(RELAY, opening(one, 1, "d", Lane.DATAGRAM));
    one.events();
    const came = (number: number) => {
      const frame = control(FrameType.BYTES, encodeDatagram(number, bytes("x")));
      one.receive(RELAY, { ...frame, channel: 1 });
      return one.events().length === 1;
    };
    for (const number of [1, 5, 3, 300, 46, 299]) expect(came(number), `${number}`).toBe(true);
    for (const number of [1, 5, 3, 300, 46, 44, 299]) expect(came(number), `${number} again`).toBe(false);
    expect(came(2 ** 31)).toBe(true);
    expect(came(2 ** 32 - 1)).toBe(true);
    expect(came(2)).toBe(true); // it wraps
    expect(came(2 ** 32 - 1)).toBe(false);
    expect(came(0)).toBe(true);
    expect(came(2 ** 32 - 200)).toBe(true);
    expect(came(2 ** 32 - 254)).toBe(false);
  });
});

describe("what is due", () => {
  test("an acknowledgement in time, and at once what else waits", () => {
    const one = new Single({ direct: true });
    one.wait(0.1);
    expect(one.session.isDue(one.now + 10)).toBe(false);
    one.receive(DIRECT, one.data("a"));
    expect(one.session.isDue(one.now + RULES.ackDelay / 2)).toBe(false);
    expect(one.session.isDue(one.now + RULES.ackDelay * 2)).toBe(true);
    one.receive(DIRECT, control(FrameType.PING, encodePing(7, 0)));
    expect(one.session.isDue(one.now)).toBe(true);
    one.flights();
    expect(one.session.isDue(one.now)).toBe(false);
    one.send("b");
    expect(one.session.isDue(one.now)).toBe(true);
    one.flights();
    expect(one.session.isDue(one.now)).toBe(false);
  });
});

describe("credit (S4)", () => {
  test("a channel without credit stops no other one", () => {
    const one = new Single();
    const full = one.session.open("full", Lane.RELIABLE);
    for (let count = 0; count < 80; count++) one.send(new Uint8Array(1_000), full);
    one.send("hello");
    const frames = one.frames(FrameType.BYTES);
    expect(frames.filter(({ channel }) => channel === full)).toHaveLength(61); // 64 KiB, each charging 1,064
    expect(frames.at(-1)?.channel === 0 || frames.some(({ channel }) => channel === 0)).toBe(true);
    expect(one.session.canSend(full, 10)).toBe(false);
    expect(one.session.canSend(0, 10)).toBe(true);
    one.ack(frames.length + 2, 1, [[full, 128 * KIB, 61 * 1_064]]);
    expect(one.frames(FrameType.BYTES)).toHaveLength(19);
    expect(one.events()).toEqual([{ type: "SendReady", channel: full }]);
  });

  test("credit grows when something listens, and by half a window, or when nothing waits", () => {
    const one = new Single();
    const limit = () => {
      one.receive(RELAY, control(FrameType.PING, encodePing(1)));
      return decodePong(one.frames(FrameType.PONG)[0]?.payload as Uint8Array)[1].credits[0]?.[1];
    };
    expect(limit()).toBe(64 * KIB);
    one.receive(RELAY, one.data(new Uint8Array(100)), one.data(new Uint8Array(100)));
    one.session.handled(0, 164, one.now);
    expect(limit()).toBe(64 * KIB);
    one.session.handled(0, 164, one.now);
    expect(limit()).toBe(64 * KIB + 328);
    one.session.listen(0, one.now);
    expect(limit()).toBe(328 + 1_152 * KIB);
    expect(() => one.session.handled(0, 164, one.now)).toThrow("nothing of channel 0");
  });

  test("who waits for credit pings every second, and the pong brings it", () => {
    const one = new Single();
    for (let count = 0; count < 70; count++) one.send(new Uint8Array(1_000));
    const sent = one.frames(FrameType.BYTES).length;
    one.ack(sent + 1, 1, []);
    const pings = one.wait(10).flatMap(({ frames }) => frames.filter(({ type }) => type === FrameType.PING));
    expect(pings.length).toBeGreaterThanOrEqual(9);
    one.told(decodePing(pings.at(-1)?.payload as Uint8Array)[0], sent + 1, 1, [[0, 128 * KIB, sent * 1_064]]);
    expect(one.frames(FrameType.BYTES)).toHaveLength(70 - sent);
  });

  test("the budget of all links bounds what waits", () => {
    const budget = new Budget(10_000);
    const one = new Single({ relay: false, budget });
    const two = new Single({ relay: false, budget });
    one.send(new Uint8Array(9_000));
    expect(two.session.canSend(0, 5_000)).toBe(false);
    expect(two.session.nextTimeout()).toBeCloseTo(100.05);
    one.session.end();
    expect(budget.used).toBe(0);
    two.now += 0.05;
    two.session.handleTimeout(two.now);
    expect(two.events()).toEqual([{ type: "SendReady", channel: 0 }]);
  });

  test("what is acknowledged is off the budget, and nothing else", () => {
    const budget = new Budget();
    const one = new Single({ budget });
    one.send(new Uint8Array(1_000));
    one.send(new Uint8Array(20_000));
    expect(budget.used).toBe(21_000 + 3 * 64);
    one.flights();
    one.ack(2);
    expect(budget.used).toBe(20_000 + 2 * 64);
    one.ack(4);
    expect(budget.used).toBe(0);
  });

  test("a message too large for its lane is refused, and the words say what to do", () => {
    const one = new Single();
    const bulk = one.session.open("b", Lane.BULK);
    const big = new Uint8Array(MIB + 1);
    expect(() => one.send(big)).toThrow("use the bulk lane");
    one.send(big, bulk);
    expect(() => one.send(new Uint8Array(16 * MIB + 1), bulk)).toThrow("in pieces");
    expect(() => one.session.sendDatagram(0, FrameType.BYTES, new Uint8Array(16_381), one.now)).toThrow("datagram");
    expect(() => one.session.open("b", Lane.BULK)).toThrow("open already");
    expect(() => one.send("x", 9)).toThrow("closed");
  });
});

describe("lanes and resending (S6)", () => {
  test("reliable goes ahead of bulk, and bulk leaves it room", () => {
    const one = new Single({ relay: false, direct: true });
    const bulk = one.session.open("b", Lane.BULK);
    for (let count = 0; count < 20; count++) one.send(new Uint8Array(14_388), bulk);
    for (let count = 0; count < 20; count++) one.send(new Uint8Array(1_000));
    const lanes = one.session.framesToSend(one.now).map(({ lane }) => lane).filter((lane) => lane !== Lane.DATAGRAM);
    expect(lanes[0]).toBe(Lane.RELIABLE);
    expect(lanes).not.toContain(Lane.BULK); // the reliable lane has more than there is room for
  });

  test("so many frames, and so many bytes, may be unacknowledged", () => {
    const one = new Single({ rules: { ...RULES, frameWindow: 4 } });
    for (let count = 0; count < 6; count++) one.send("x");
    expect(one.frames(FrameType.BYTES).map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
    one.ack(2);
    expect(one.frames(FrameType.BYTES).map(({ seq }) => seq)).toEqual([5]);
    const two = new Single({ rules: { ...RULES, reliableWindow: 40 } });
    for (let count = 0; count < 6; count++) two.send("x");
    expect(two.frames(FrameType.BYTES).map(({ seq }) => seq)).toEqual([1, 2, 3]);
  });

  test("what a path that ended carried goes by the other, and what was refused goes again after a pause", () => {
    const one = new Single({ direct: true });
    one.send("1");
    expect(one.flights()[0]?.instance).toEqual(DIRECT);
    one.session.pathEnded(DIRECT, one.now);
    const [again] = one.flights().filter(({ items }) => items.length);
    expect(again?.instance).toEqual(RELAY);
    one.session.refused(again as NonNullable<typeof again>, "busy", one.now);
    expect(one.frames(FrameType.BYTES)).toEqual([]);
    expect(one.session.nextTimeout()).toBeCloseTo(one.now + 0.1);
    const flights = one.wait(0.2);
    expect(flights.flatMap(({ frames }) => frames.filter(({ seq }) => seq))).toHaveLength(1);
  });

  test("what nothing was acknowledged of goes again after 3 s, then 6, 12, 24 and 30", () => {
    const one = new Single();
    one.send("1");
    one.flights();
    const start = one.now;
    const times: number[] = [];
    for (let tick = 0; tick < 1_200; tick++) {
      const again = one.wait(0.1).some(({ items }) => items.length);
      if (again) times.push(Math.round(one.now - start));
    }
    expect(times).toEqual([3, 9, 21, 45, 75, 105]);
  });
});
