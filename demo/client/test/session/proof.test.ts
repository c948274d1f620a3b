/** One session by hand: which path is trusted (S7), and how it ends (S8). */

import { describe, expect, test } from "vitest";
import { type Frame, FrameType, Lane } from "../../src/codec/frames.ts";
import { decodePing, encodeBye, encodePing } from "../../src/codec/payloads.ts";
import * as values from "../../src/codec/values.ts";
import { DIRECT, RELAY, Single, bytes, control } from "./single.ts";

function opening(one: Single, number: number, label: string, lane: Lane = Lane.RELIABLE, on: Lane = Lane.RELIABLE): Frame {
  const payload = values.encode([label, "", lane, {}]);
  return one.data(payload, { channel: number, kind: FrameType.OPEN, lane: on });
}

describe("proof and suspicion (S7)", () => {
  function adopted(): Single {
    const one = new Single({ direct: true });
    for (let count = 0; count < 5; count++) {
      one.now += 0.01;
      one.session.ping(one.now);
      one.now += 0.01;
      one.pong(DIRECT);
    }
    one.wait(0.2);
    one.events();
    return one;
  }

  test("silence makes direct suspect, the relay carries on, the peer is told; three pongs later it is back", () => {
    const one = adopted();
    one.send("1");
    expect(one.flights()[0]?.instance).toEqual(DIRECT);
    const flights = one.wait(0.6);
    expect(one.events()).toEqual([{ type: "Suspected", attempt: 1 }, { type: "PathChanged", path: "relay" }]);
    const relayed = flights.filter(({ instance }) => instance.key === RELAY.key).flatMap(({ frames }) => frames);
    expect(relayed.some(({ type }) => type === FrameType.BYTES)).toBe(true);
    const told = relayed.find(({ type }) => type === FrameType.PING);
    expect(decodePing(told?.payload as Uint8Array)[1]).toBe(1);
    for (let count = 0; count < 3; count++) {
      expect(one.events()).toEqual([]);
      const pings = one.wait(0.21).filter(({ instance }) => instance.key === DIRECT.key).flatMap(({ frames }) => frames);
      const number = decodePing(pings.findLast(({ type }) => type === FrameType.PING)?.payload as Uint8Array)[0];
      one.told(number, 2, 1, [], DIRECT);
    }
    expect(one.events()).toEqual([{ type: "Trusted", attempt: 1 }, { type: "PathChanged", path: "direct" }]);
  });

  test("hearing the peer is no proof that it hears us", () => {
    const one = adopted();
    one.send("1");
    one.flights();
    for (let tick = 0; tick < 20; tick++) {
      one.receive(DIRECT, one.data("hear me"));
      one.wait(0.05);
    }
    expect(one.events()).toContainEqual({ type: "Suspected", attempt: 1 });
  });

  test("acknowledgements on it are proof, and a late timer is our own fault", () => {
    const one = adopted();
    for (let seq = 2; seq < 30; seq++) {
      one.send("1");
      one.flights();
      one.wait(0.05);
      one.ack(seq, 1, [], DIRECT);
    }
    one.send("1");
    one.flights();
    one.session.nextTimeout();
    one.now += 3; // the program stood still
    one.session.handleTimeout(one.now);
    expect(one.events().some(({ type }) => type === "Suspected")).toBe(false);
  });

  test("who is told that the peer suspects suspects too", () => {
    const one = adopted();
    one.now += 1;
    one.receive(RELAY, control(FrameType.PING, encodePing(9, 2)));
    expect(one.events()).toEqual([]);
    one.receive(RELAY, control(FrameType.PING, encodePing(10, 1)));
    expect(one.events()).toContainEqual({ type: "Suspected", attempt: 1 });
    expect(one.session.directProved).toBe(false);
    expect(one.session.directSilent).toBe(true);
  });
});

describe("ends (S8)", () => {
  test("a pong that was overtaken says nothing of a channel it is older than", () => {
    for (const lane of [Lane.RELIABLE, Lane.BULK] as const) {
      const one = new Single({ direct: true });
      const channel = one.session.open("short", lane);
      one.send("hello", channel);
      one.session.closeChannel(channel, one.now);
      const mark = one.session.flush(one.now);
      one.flights();
      const wanted = (next: number): [number, number] => (lane === Lane.BULK ? [1, next] : [next, 1]);
      one.ack(...wanted(4), [], DIRECT);
      one.told(0, ...wanted(1)); // written before the channel's open had come
      expect(one.events()).toEqual([]);
      one.told(0, ...wanted(4));
      expect(one.events()).toEqual([{ type: "Flushed", mark }]);
    }
  });

  test("a close sends a bye with the last numbers; both byes end the session; the rest is reported", () => {
    const one = new Single();
    one.send("1");
    one.flights();
    one.session.close(one.now);
    one.send("too late");
    const [bye] = one.frames(FrameType.BYE);
    expect(bye).toMatchObject({ seq: 2, payload: encodeBye(1, 0) });
    one.receive(RELAY, one.data("last"), one.data(encodeBye(1, 0), { kind: FrameType.BYE }));
    expect(one.events().map(({ type }) => type)).toEqual(["MessageReceived", "ByeReceived"]);
    one.ack(3);
    expect(one.events()).toEqual([{ type: "ByeDone" }]);
    expect(one.session.end().map(({ payload }) => payload)).toEqual([bytes("too late")]);
    expect(one.session.nextTimeout()).toBe(null);
    expect(one.flights()).toEqual([]);
  });
});

test("a bye that overtakes bulk waits for it", () => {
  const one = new Single();
  one.receive(RELAY, opening(one, 1, "b", Lane.BULK, Lane.BULK));
  const late = one.data("late", { channel: 1, lane: Lane.BULK });
  one.receive(RELAY, one.data(encodeBye(0, 2), { kind: FrameType.BYE }));
  expect(one.events().map(({ type }) => type)).toEqual(["ChannelOpened"]);
  expect(one.frames(FrameType.BYE)).toEqual([]);
  one.receive(RELAY, late);
  expect(one.events().map(({ type }) => type)).toEqual(["MessageReceived", "ByeReceived"]);
  expect(one.frames(FrameType.BYE)).toHaveLength(1);
});
