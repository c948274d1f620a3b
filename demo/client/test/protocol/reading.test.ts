/** What the server sends is looked at before it is believed. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { BadEvent, readEvent, readJoined } from "../../src/protocol/reading.ts";

const MEMBER = { id: "a".repeat(32), key: "k", statement: "s", profile: "{}", connection: 1 };
const LIMITS = { packet: 60_000, signal: 65_536, profile: 4_096, recipients: 256, peers: 50, grace: 30.5 };
const JOINED = { room: "lobby", version: 3, peers: [MEMBER], limits: LIMITS };
const PACKET = Uint8Array.of(3, 1, 2);

const EVENTS: readonly [name: string, data: Record<string, unknown>][] = [
  ["roster", { room: "lobby", base: 1, version: 2, changes: [] }],
  ["signal", { room: "lobby", from: "x", kind: "offer", attempt: 1, packet: PACKET }],
  ["relay", { room: "lobby", from: "x", packet: PACKET }],
  ["relayed", { n: 7 }],
  ["refused", { n: 7, to: "x", code: "busy" }],
  ["replaced", { room: "lobby", statement: "s" }],
  ["room-closed", { room: "lobby", reason: "over" }],
  ["shutdown", { reason: "restart", reconnect_after: 0.5 }],
];
const CHANGES: readonly Record<string, unknown>[] = [
  { change: "peer-joined", member: { ...MEMBER, away: true, user: "ada", attributes: { role: "admin" } } },
  { change: "peer-left", id: "x", reason: "lost" },
  { change: "peer-updated", id: "x", profile: "{}", statement: "s" },
  { change: "peer-away", id: "x", reason: "gone" },
  { change: "peer-back", id: "x", connection: 2, statement: "s" },
];

test.each(EVENTS)("%s is read, and what a newer server adds is left away", (name, data) => {
  const read = readEvent(name, { ...data, later: { x: 1 } });
  expect(read).toEqual({ name, ...(name === "relay" ? { body: null } : {}), ...data });
});

test.each(EVENTS)("%s with a field that is left out, or of another kind, is refused", (name, data) => {
  for (const field of Object.keys(data)) {
    if (name === "signal" && field === "packet") continue; // opaque: whatever it is
    const { [field]: _, ...rest } = data;
    expect(readEvent(name, rest), field).toBeNull();
    for (const wrong of [null, true, {}, [null], typeof data[field] === "number" ? "1" : 1]) {
      expect(readEvent(name, { ...data, [field]: wrong }), `${field}: ${JSON.stringify(wrong)}`).toBeNull();
    }
  }
  for (const wrong of [undefined, null, 7, "text", []]) expect(readEvent(name, wrong)).toBeNull();
});

test("there is no other event", () => {
  expect(readEvent("constructor", {})).toBeNull();
});

test.each(CHANGES)("the change $change", (change) => {
  const roster = (one: unknown): unknown => readEvent("roster", { room: "lobby", base: 1, version: 2, changes: [one] });
  expect(roster(change)).toMatchObject({ changes: [change] });
  for (const field of Object.keys(change)) {
    const { [field]: _, ...rest } = change;
    if (change["change"] === "peer-away" && field === "reason") {
      expect(roster(rest)).toMatchObject({ changes: [{ reason: "" }] });
    } else {
      expect(roster(rest), field).toBeNull();
    }
  }
  expect(roster({ ...change, change: "peer-sang" })).toBeNull();
});

test("reasons and kinds are those of the protocol", () => {
  expect(readEvent("roster", { room: "l", base: 1, version: 2, changes: [{ ...CHANGES[1], reason: "bored" }] })).toBeNull();
  expect(readEvent("signal", { room: "l", from: "x", kind: "shout", attempt: 1, packet: PACKET })).toBeNull();
});

test("packets are plain bytes, as browsers and as Node give them", () => {
  for (const packet of [PACKET, PACKET.buffer, Buffer.from(PACKET)]) {
    const read = readEvent("relay", { room: "lobby", from: "x", packet, body: packet });
    expect(read).toStrictEqual({ name: "relay", room: "lobby", from: "x", packet: PACKET, body: PACKET });
    expect(readEvent("signal", { room: "l", from: "x", kind: "answer", attempt: 1, packet })).toMatchObject({ packet: PACKET });
  }
  const text = { room: "lobby", from: "x", kind: "offer", attempt: 1, packet: { any: [1] } };
  expect(readEvent("signal", text)).toEqual({ name: "signal", ...text });
});

test("the reply to join, with what is left out", () => {
  expect(readJoined(JOINED)).toEqual({
    ...JOINED,
    peers: [{ ...MEMBER, away: false, user: null, attributes: {} }],
    ice_servers: [],
    resumed: false,
    reports: false,
  });
  const servers = [
    { urls: ["stun:example.org"] },
    { urls: ["turn:example.org"], username: "u", credential: "c", lifetime: 60.5 },
  ];
  expect(readJoined({ ...JOINED, ice_servers: servers, resumed: true, reports: true })).toMatchObject({
    ice_servers: [{ urls: ["stun:example.org"], username: null, credential: null, lifetime: null }, servers[1]],
    resumed: true,
    reports: true,
  });
});

test.each([
  null,
  {},
  { ...JOINED, version: 1.5 },
  { ...JOINED, peers: {} },
  { ...JOINED, peers: [{ ...MEMBER, away: 1 }] },
  { ...JOINED, peers: [{ ...MEMBER, attributes: [] }] },
  { ...JOINED, peers: [{ ...MEMBER, user: 7 }] },
  { ...JOINED, limits: { ...LIMITS, grace: Number.NaN } },
  { ...JOINED, ice_servers: [{ urls: "stun:example.org" }] },
  { ...JOINED, ice_servers: [{ urls: [7] }] },
  { ...JOINED, ice_servers: [{ urls: [], lifetime: "60" }] },
])("a reply to join that makes no sense: %o", (data) => {
  expect(() => readJoined(data)).toThrow(BadEvent);
});

test("whatever comes, it is read, or nothing, or a BadEvent", () => {
  const names = fc.constantFrom(...EVENTS.map(([name]) => name));
  const field = fc.oneof(fc.anything(), fc.constantFrom("lobby", 1, "offer", [], [MEMBER], CHANGES));
  const keys = fc.constantFrom("room", "from", "n", "to", "base", "version", "changes", "packet", "kind", "peers", "limits");
  fc.assert(
    fc.property(names, fc.dictionary(keys, field, { maxKeys: 11 }), (name, data) => {
      readEvent(name, data);
      try {
        readJoined(data);
      } catch (error) {
        expect(error).toBeInstanceOf(BadEvent);
      }
    }),
    { numRuns: 500 },
  );
});
