/** Two link cores by hand: handshakes, keys, hints, sessions that end, signals. */

import { afterEach, describe, expect, test, vi } from "vitest";
import { Frame, FrameType, Lane, encodeFrame } from "../../src/codec/frames.ts";
import { type Me, encodeHint } from "../../src/session/handshake.ts";
import { Key, KeyRing, MAX_PACKETS, RENEW_PACKETS } from "../../src/session/seal.ts";
import { Session } from "../../src/session/session.ts";
import { LinkSide, Pair, Program, ready } from "./pair.ts";
import { bytes, textOf } from "./single.ts";

vi.mock("../../src/curves.ts", () => import("./native-curves.ts"));
afterEach(() => vi.restoreAllMocks());

const [FIRST, SECOND, SEALED, HINT] = [1, 2, 3, 4];

function kinds(packets: readonly Uint8Array[]): (number | undefined)[] {
  return packets.map((packet) => packet[0]);
}

function received(side: LinkSide): string[] {
  return side.received.map(textOf);
}

function drops(side: LinkSide): Record<string, number> {
  return Object.fromEntries(side.core.drops);
}

/** Every key that is added from now on has sealed so many packets already. */
function worn(sealed: number): void {
  const add = KeyRing.prototype.add;
  vi.spyOn(KeyRing.prototype, "add").mockImplementation(function (this: KeyRing, ...given) {
    add.apply(this, given);
    (this.latest as Key).sealed = sealed;
  });
}

describe("handshakes", () => {
  test("the first message is there after one packet, and its acknowledgement with message 2", () => {
    const pair = new Pair();
    pair.a.send(bytes("hello"), pair.now);
    const first = pair.take(pair.a);
    expect(kinds(first)).toEqual([FIRST]);
    pair.give(pair.b, first);
    expect(received(pair.b)).toEqual(["hello"]);
    pair.b.send(bytes("and you"), pair.now);
    const second = pair.take(pair.b);
    expect(kinds(second)).toEqual([SECOND]);
    pair.give(pair.a, second);
    expect(received(pair.a)).toEqual(["and you"]);
    expect(pair.a.core.session.stats().unacknowledged).toBe(0);
    expect([pair.a, pair.b].map((side) => side.count("Ready"))).toEqual([1, 1]);
    expect(pair.a.core.peerSettings).toEqual({ direct: true });
  });

  test("message 1 carries 48 KiB, and the rest waits for message 2", () => {
    const pair = new Pair();
    for (let count = 0; count < 20; count++) pair.a.send(new Uint8Array(10_000), pair.now);
    const first = pair.take(pair.a);
    expect(kinds(first)).toEqual([FIRST]);
    expect(first[0]?.length).toBeGreaterThan(40_000);
    expect(first[0]?.length).toBeLessThanOrEqual(60_000);
    expect(pair.take(pair.a)).toEqual([]);
    pair.give(pair.b, first);
    pair.run(1);
    expect(pair.b.received).toHaveLength(20);
    expect(pair.a.core.session.stats().sentTwice).toBe(0);
    expect(Math.max(...pair.log.map(({ length }) => length))).toBeLessThanOrEqual(60_000);
  });

  test("a lost message 1 is followed by others with the same frames, ever more rarely", () => {
    const pair = new Pair();
    pair.a.send(bytes("hello"), pair.now);
    const start = pair.now;
    const times: number[] = [];
    let last: Uint8Array[] = [];
    for (let tick = 0; tick < 1_100; tick++) {
      const packets = pair.take(pair.a);
      if (packets.length) times.push(pair.now - start);
      if (packets.length) last = packets;
      pair.now += 0.0625;
      const due = pair.a.core.nextTimeout();
      if (due !== null && due <= pair.now) pair.a.core.handleTimeout(pair.now);
    }
    expect(times).toEqual([0, 1, 3, 7, 15, 31, 61]);
    pair.give(pair.b, last);
    pair.run(1);
    expect(received(pair.b)).toEqual(["hello"]);
    expect(pair.a.core.bound).toBe(true);
  });

  test("what the server refused waits and goes again; keys outlive connections", () => {
    const pair = new Pair();
    pair.a.send(bytes("hello"), pair.now);
    const [first] = pair.a.packets(pair.now);
    pair.a.core.relayRefused(first as NonNullable<typeof first>, "away", pair.now);
    pair.run(3);
    expect(received(pair.b)).toEqual(["hello"]);
    const firsts = pair.log.filter(([kind]) => kind === FIRST).length;
    pair.connect(2, 1);
    pair.b.send(bytes("again"), pair.now);
    pair.run(1);
    expect(received(pair.a)).toEqual(["again"]);
    expect(pair.log.filter(([kind]) => kind === FIRST)).toHaveLength(firsts);
  });

  test("without a relay nothing is sent, and with one it goes at once", () => {
    const pair = new Pair();
    pair.a.core.relayChanged(null, null, pair.now);
    pair.a.send(bytes("hello"), pair.now);
    expect(pair.a.packets(pair.now)).toEqual([]);
    expect(pair.a.core.relayChanged(2, 1, pair.now)).toBe(true);
    expect(kinds(pair.take(pair.a))).toEqual([FIRST]);
  });

  test("both may begin at once, and a doubled or replayed message 1 is answered once", () => {
    const pair = new Pair();
    pair.a.send(bytes("from a"), pair.now);
    pair.b.send(bytes("from b"), pair.now);
    const [toB, toA] = [pair.take(pair.a), pair.take(pair.b)];
    pair.give(pair.b, [...toB, ...toB, ...toB]);
    pair.give(pair.a, toA);
    pair.run(2);
    expect([received(pair.a), received(pair.b)]).toEqual([["from b"], ["from a"]]);
    expect(drops(pair.b)).toEqual({ copy: 2 });
    pair.give(pair.b, toB);
    expect(drops(pair.b)).toEqual({ copy: 3 });
    expect(pair.b.core.session.stats().unacknowledged).toBe(0);
  });

  test("only the peer itself, in this room and life, is let in", () => {
    const pair = new Pair();
    const stranger = new Program(3);
    const [a, b] = pair.programs;
    const asA = (me: Partial<Me>) => new LinkSide(a, b, pair.now, { me: { ...a.me, ...me } });
    const statements = {
      "another room": a.state({ room: "elsewhere" }),
      "another life": a.state({ incarnation: 999 }),
      "another static key": a.state({ static: stranger.static.public }),
      "a stranger's": stranger.statement,
      "no statement": bytes("hello"),
    };
    for (const [about, statement] of Object.entries(statements)) {
      const forger = asA({ statement });
      forger.core.relayChanged(1, 1, pair.now);
      forger.send(bytes("let me in"), pair.now);
      pair.give(pair.b, pair.take(forger));
      expect(pair.b.received, about).toEqual([]);
    }
    expect(drops(pair.b)).toEqual({ "bad statement": 5 });
    const impostor = new LinkSide(stranger, b, pair.now);
    impostor.core.relayChanged(1, 1, pair.now);
    impostor.send(bytes("let me in"), pair.now);
    pair.give(pair.b, pair.take(impostor));
    expect(drops(pair.b)).toEqual({ "bad statement": 6 });
    b.restart();
    const fresh = new LinkSide(b, a, pair.now);
    fresh.core.relayChanged(1, 1, pair.now);
    pair.a.send(bytes("for the former life"), pair.now);
    pair.give(fresh, pair.take(pair.a));
    expect(drops(fresh)).toEqual({ "bad handshake": 1 });
  });

  test("a new statement is what message 1 then says", () => {
    const pair = new Pair();
    pair.a.core.setStatement(pair.programs[0].state({ profileVersion: 2 }));
    pair.a.send(bytes("hello"), pair.now);
    pair.run(0.1);
    expect(received(pair.b)).toEqual(["hello"]);
  });
});

describe("sessions that end", () => {
  test("whose peer gives the link up and begins another", () => {
    const pair = ready();
    pair.b.core.directOpened(3, pair.now);
    pair.a.send(bytes("on its way"), pair.now);
    pair.take(pair.a);
    pair.discard(pair.a);
    pair.b.send(bytes("unheard"), pair.now);
    pair.a.send(bytes("new"), pair.now);
    pair.run(3);
    expect(received(pair.b)).toEqual(["new"]);
    expect(pair.b.events.map(({ type }) => type).slice(-4)).toEqual(["SessionEnded", "SessionStarted", "Ready", "PathChanged"]);
    expect(pair.b.events).toContainEqual({ type: "DirectEnded", attempt: 3 });
    expect(pair.b.undelivered.map(textOf)).toEqual(["unheard"]);
  });

  test("what was received before the end is still told", () => {
    const pair = ready();
    pair.a.send(bytes("received"), pair.now);
    for (const packet of pair.take(pair.a)) pair.b.core.receiveRelay(packet, pair.now);
    pair.discard(pair.a);
    pair.a.send(bytes("new"), pair.now);
    for (const packet of pair.take(pair.a)) pair.b.core.receiveRelay(packet, pair.now);
    const told: string[] = [];
    for (let event = pair.b.core.nextEvent(); event !== null; event = pair.b.core.nextEvent()) {
      told.push(event.type === "MessageReceived" ? textOf(event.payload) : event.type);
    }
    expect(told).toEqual(["received", "SessionEnded", "SessionStarted", "Ready", "PathChanged", "new"]);
  });

  test("whose peer broke the protocol", () => {
    const pair = ready();
    const { session } = pair.b.core;
    pair.b.core.directOpened(1, pair.now);
    const lie = encodeFrame(new Frame(FrameType.BYTES, Lane.RELIABLE, false, 9, 1, bytes("?")));
    pair.b.core.receiveDirect(1, lie, pair.now);
    pair.b.poll(pair.now);
    const ended = pair.b.events.find(({ type }) => type === "SessionEnded");
    expect(ended).toHaveProperty("reason", expect.stringContaining("the peer broke the protocol: a message on channel 9"));
    expect(pair.b.core.session).not.toBe(session);
    pair.b.core.receiveDirect(1, lie, pair.now);
    expect(drops(pair.b)).toEqual({ "ended path": 1 });
    pair.a.send(bytes("again"), pair.now);
    pair.run(5);
    expect([...received(pair.b), ...pair.a.undelivered.map(textOf)]).toEqual(["again"]);
    expect(pair.a.core.bound && pair.b.core.bound).toBe(true);
  });
});

describe("keys", () => {
  test("copies, reflections and forgeries are dropped; a hint goes out once a second at most", () => {
    const pair = ready();
    pair.a.send(bytes("once"), pair.now);
    const packets = pair.take(pair.a);
    for (const at of [5, 9, 20]) {
      const forged = packets.map((packet) => packet.map((byte, index) => (index === at ? byte ^ 0x40 : byte)));
      pair.give(pair.b, forged);
    }
    expect(received(pair.b)).toEqual([]);
    pair.give(pair.b, [...packets, ...packets]);
    expect(received(pair.b)).toEqual(["once"]);
    expect(drops(pair.b)).toEqual({ "bad seal": 3, replay: 1 });
    for (let count = 0; count < 50; count++) pair.give(pair.a, packets);
    expect(drops(pair.a)).toEqual({ "bad seal": 50 });
    expect(kinds(pair.take(pair.a))).toEqual([HINT]);
    for (const rubbish of [[], [0], [1], [2], [3], [4], [5], Array(60).fill(1)]) pair.give(pair.a, [Uint8Array.from(rubbish)]);
    expect([...pair.a.core.drops.values()].reduce((sum, count) => sum + count)).toBe(58);
  });

  test("a key in use is not replaced by a message 1 that was given its number", () => {
    const pair = ready();
    const used = (pair.log.find(([kind]) => kind === FIRST) as Uint8Array).subarray(1, 5);
    pair.give(pair.a, [encodeHint(new DataView(used.slice().buffer).getUint32(0))]); // the peer has lost it
    pair.now += 1;
    const first = pair.take(pair.a).find(([kind]) => kind === FIRST) as Uint8Array;
    first.set(used, 1);
    pair.give(pair.b, [first]);
    expect(drops(pair.b)).toEqual({ "key id in use": 1 });
    pair.a.send(bytes("as before"), pair.now);
    pair.run(1);
    expect(received(pair.b)).toEqual(["as before"]);
  });

  test("who has lost the key says so, and gets a new one; forged hints cost one handshake a second", () => {
    const pair = ready();
    const key = (pair.log.find(([kind]) => kind === SECOND) as Uint8Array).subarray(1, 5);
    const hint = Uint8Array.from([HINT, ...key]);
    let firsts = 0;
    for (let tick = 0; tick < 100; tick++) {
      pair.give(pair.a, [hint, encodeHint(7)]);
      firsts += kinds(pair.take(pair.a)).filter((kind) => kind === FIRST).length;
      pair.now += 0.1;
    }
    expect(firsts).toBeGreaterThan(5);
    expect(firsts).toBeLessThanOrEqual(11);
    expect(drops(pair.a)).toEqual({ hint: 100 });
  });

  test("a key is renewed after an hour, and after so many packets, and nothing is lost", () => {
    const pair = ready();
    pair.run(3_650, 5);
    expect(pair.log.filter(([kind]) => kind === FIRST).length).toBeGreaterThanOrEqual(2);
    worn(RENEW_PACKETS - 10);
    const firsts = pair.log.filter(([kind]) => kind === FIRST).length;
    pair.a.core.start(pair.now);
    pair.run(3_650, 5); // to get a worn one
    for (let number = 0; number < 60; number++) {
      pair.a.send(bytes(`${number}`), pair.now);
      pair.run(0.02);
    }
    expect(received(pair.b)).toEqual(Array.from({ length: 60 }, (_, number) => `${number}`));
    expect(pair.log.filter(([kind]) => kind === FIRST).length - firsts).toBeGreaterThan(3);
    expect(pair.a.core.session.stats().sentTwice).toBe(0);
  });

  test("an exhausted key seals nothing, and message 1 carries on", () => {
    worn(MAX_PACKETS - 8);
    vi.spyOn(Key.prototype, "needsRenewal").mockReturnValue(false);
    const pair = ready();
    const lost: Uint8Array[] = [];
    const before = pair.log.length;
    for (let number = 0; number < 30; number++) {
      // No handshake comes through.
      pair.a.send(bytes(`${number}`), pair.now);
      const packets = pair.take(pair.a);
      lost.push(...packets.filter(([kind]) => kind === FIRST));
      pair.give(pair.b, packets.filter(([kind]) => kind === SEALED));
      pair.now += 0.01;
    }
    expect(pair.log.slice(before).filter(([kind]) => kind === SEALED).length).toBeLessThanOrEqual(8);
    expect(lost).toHaveLength(1);
    expect(pair.a.core.sealSignal("offer", 1, {}, pair.now)).toBe(null);
    vi.restoreAllMocks();
    pair.run(10);
    expect(received(pair.b)).toEqual(Array.from({ length: 30 }, (_, number) => `${number}`));
    expect(pair.a.count("Ready")).toBeGreaterThanOrEqual(2);
    expect(pair.a.count("SessionEnded")).toBe(0);
  });
});

describe("signals (K5)", () => {
  test("wait for a key, are sealed, and taken once and as they were sent", () => {
    const pair = new Pair();
    expect(pair.a.core.sealSignal("offer", 1, { sdp: "secret" }, pair.now)).toBe(null);
    pair.run(0.1);
    const packet = pair.a.core.sealSignal("offer", 1, { sdp: "secret" }, pair.now) as Uint8Array;
    expect(textOf(packet)).not.toContain("secret");
    expect(pair.b.core.receiveSignal(packet, pair.now)).toEqual({ kind: "offer", attempt: 1, payload: { sdp: "secret" } });
    expect(pair.b.core.receiveSignal(packet, pair.now)).toBe(null);
    expect(pair.a.core.receiveSignal(packet, pair.now)).toBe(null);
    expect(drops(pair.b)).toEqual({ replay: 1 });
    expect(drops(pair.a)).toEqual({ "bad seal": 1 });
  });

  test("frames are no signal, and a signal is no message", () => {
    const pair = ready();
    pair.a.send(bytes("a message"), pair.now);
    const [packet] = pair.take(pair.a);
    expect(pair.b.core.receiveSignal(packet as Uint8Array, pair.now)).toBe(null);
    expect(drops(pair.b)).toEqual({ "no signal": 1 });
    pair.give(pair.b, [pair.a.core.sealSignal("offer", 1, {}, pair.now) as Uint8Array]);
    expect(received(pair.b)).toEqual([]);
    pair.run(5);
    expect(received(pair.b)).toEqual(["a message"]); // it was not acknowledged, so it came again
  });
});

test("direct packets go as they are, and take over", () => {
  const pair = ready();
  for (const { core } of [pair.a, pair.b]) core.directOpened(1, pair.now);
  const exchange = () => {
    for (const [from, to] of [[pair.a, pair.b], [pair.b, pair.a]] as const) {
      for (const { attempt, packet } of from.packets(pair.now)) {
        if (attempt === null) to.core.receiveRelay(packet, pair.now);
        else to.core.receiveDirect(attempt, packet, pair.now);
        from.core.directWaiting(1, 0, pair.now);
      }
      to.poll(pair.now);
    }
  };
  for (let round = 0; round < 4; round++) exchange();
  pair.a.send(bytes("directly"), pair.now);
  const out = pair.a.packets(pair.now).filter(({ flights }) => flights.some(({ items }) => items.length));
  expect(out.map(({ attempt }) => attempt)).toEqual([1]);
  expect(textOf(out[0]?.packet ?? new Uint8Array(0))).toContain("directly");
  expect(pair.a.core.session).toBeInstanceOf(Session);
  expect(pair.a.core.session.directProved).toBe(true);
});
