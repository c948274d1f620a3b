/** Payloads of frames that carry no message. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { FrameError, type Lane } from "../../src/codec/frames.ts";
import * as payloads from "../../src/codec/payloads.ts";
import * as values from "../../src/codec/values.ts";
import { asRead, hex, load, type Tagged, unhex } from "../vectors.ts";

type Case = { readonly payload: string } & (
  | { type: "ack"; reliable: number; bulk: number; credits: payloads.Credit[] }
  | { type: "pong"; number: number; reliable: number; bulk: number; credits: payloads.Credit[] }
  | { type: "ping"; number: number; suspect: number }
  | { type: "bye"; reliable: number; bulk: number }
  | { type: "open"; label: string; kind: string; lane: Lane; settings: Tagged }
  | { type: "signal"; kind: string; attempt: number; body: Tagged }
  | { type: "datagram"; number: number; data: string }
);

const cases = load<{ payloads: Case[] }>("frames.json").payloads;

test("the vectors have one of each", () => {
  expect(new Set(cases.map(({ type }) => type))).toEqual(
    new Set(["ack", "pong", "ping", "bye", "open", "signal", "datagram"]),
  );
});

test.each(cases)("the vector of $type", (one) => {
  const payload = unhex(one.payload);
  const told = (encoded: Uint8Array): void => expect(hex(encoded)).toBe(one.payload);
  switch (one.type) {
    case "ack":
    case "pong": {
      const { reliable, bulk, credits } = one;
      const acknowledgement = payloads.encodeAck(reliable, bulk, credits);
      if (one.type === "ack") {
        expect(payloads.decodeAck(payload)).toEqual({ reliable, bulk, credits });
        told(acknowledgement);
      } else {
        expect(payloads.decodePong(payload)).toEqual([one.number, { reliable, bulk, credits }]);
        told(payloads.encodePong(one.number, acknowledgement));
      }
      break;
    }
    case "ping":
      expect(payloads.decodePing(payload)).toEqual([one.number, one.suspect]);
      told(payloads.encodePing(one.number, one.suspect));
      break;
    case "bye":
      expect(payloads.decodeBye(payload)).toEqual([one.reliable, one.bulk]);
      told(payloads.encodeBye(one.reliable, one.bulk));
      break;
    case "open": {
      const { label, kind, lane } = one;
      const opening = { label, kind, lane, settings: asRead(one.settings) as values.ValueMap };
      expect(payloads.decodeOpen(payload)).toEqual(opening);
      told(payloads.encodeOpen(opening));
      break;
    }
    case "signal": {
      const body = asRead(one.body) as values.ValueMap;
      expect(payloads.decodeSignal(payload)).toEqual({ kind: one.kind, attempt: one.attempt, payload: body });
      told(payloads.encodeSignal(one.kind, one.attempt, body));
      break;
    }
    case "datagram": {
      const [number, data] = payloads.decodeDatagram(payload);
      expect([number, hex(data)]).toEqual([one.number, one.data]);
      told(payloads.encodeDatagram(one.number, unhex(one.data)));
    }
  }
});

const u48 = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const credits = fc.array(fc.tuple(fc.nat(65_535), u48, u48), { maxLength: 64, size: "max" });

test("numbers of 48 and 32 bits come back", () => {
  fc.assert(
    fc.property(u48, u48, credits, u32, u32, (reliable, bulk, given, number, suspect) => {
      const acknowledgement = payloads.encodeAck(reliable, bulk, given);
      expect(payloads.decodeAck(acknowledgement)).toEqual({ reliable, bulk, credits: given });
      expect(payloads.decodePong(payloads.encodePong(number, acknowledgement))[0]).toBe(number);
      expect(payloads.decodeBye(payloads.encodeBye(reliable, bulk))).toEqual([reliable, bulk]);
      expect(payloads.decodePing(payloads.encodePing(number, suspect))).toEqual([number, suspect]);
    }),
  );
});

test("a datagram's number starts over after 2^32", () => {
  expect(payloads.decodeDatagram(payloads.encodeDatagram(2 ** 32 + 5, unhex("01")))[0]).toBe(5);
});

test("a label or kind that is too long is refused, written or read", () => {
  const opening = { label: "ü".repeat(128), kind: "", lane: 0, settings: {} } as const;
  expect(payloads.decodeOpen(payloads.encodeOpen(opening)).label).toBe(opening.label);
  for (const wrong of [{ label: "x".repeat(257) }, { kind: "ü".repeat(129) }]) {
    const longer = { ...opening, ...wrong };
    expect(() => payloads.encodeOpen(longer)).toThrow(/256 bytes/);
    const written = values.encode([longer.label, longer.kind, 0, {}]);
    expect(() => payloads.decodeOpen(written)).toThrow(FrameError);
  }
});

test.each([
  [[]],
  [["a", "", 0]],
  [["a", "", 0, {}, 1]],
  [["a", "", 3, {}]],
  [["a", "", true, {}]],
  [["a", "", 0, []]],
  [["a", "", 0, null]],
  [["a", "", 0, new Uint8Array(1)]],
  [[1, "", 0, {}]],
  [{ 0: "a" }],
  [null],
])("an open that is none: %o", (value) => {
  expect(() => payloads.decodeOpen(values.encode(value))).toThrow(FrameError);
});

test.each([
  [["offer", 1]],
  [["offer", -1, {}]],
  [["offer", 1.5, {}]],
  [["offer", true, {}]],
  [["offer", "1", {}]],
  [["offer", 1, []]],
  [[1, 1, {}]],
  ["offer"],
])("a signal that is none: %o", (value) => {
  expect(() => payloads.decodeSignal(values.encode(value))).toThrow(FrameError);
});

const decoders = [
  payloads.decodeAck,
  payloads.decodePong,
  payloads.decodePing,
  payloads.decodeBye,
  payloads.decodeOpen,
  payloads.decodeDatagram,
  payloads.decodeSignal,
];

test.each(decoders)("any bytes are a payload or a FrameError", (decode) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60, size: "max" }), (payload) => {
      try {
        decode(payload);
      } catch (error) {
        expect(error).toBeInstanceOf(FrameError);
      }
    }),
    { numRuns: 500 },
  );
});
