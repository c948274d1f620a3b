/** Packets of Socket.IO: as its own parser writes and reads them, and nothing else passes. */

import fc from "fast-check";
import { Decoder, Encoder, type Packet as TheirPacket } from "socket.io-parser";
import { describe, expect, test } from "vitest";

import { ACK, BadPacket, CONNECT, encodePacket, EVENT, type Packet, Reader, type SocketPacket } from "../../src/engine/packets.ts";
import { joinParts, readPayload, toPart } from "../../src/engine/packets.ts";

const namespace = fc.constantFrom("/", "/of/mine", "/7");
const bytes = fc.uint8Array({ maxLength: 20 });
/** What goes into an event: JSON with bytes in it. `__proto__` is not for JSON.parse to make. */
const argument = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(null, true, false, 0, -1.5, "", "text, with \x1e and -7/"),
    bytes,
    fc.array(tie("any"), { maxLength: 3 }),
    fc.dictionary(fc.string().filter((key) => key !== "__proto__"), tie("any"), { maxKeys: 3, noNullPrototype: true }),
  ),
})).any;

/** What Socket.IO's own parser makes of these. */
function theirs(packets: readonly Packet[]): TheirPacket[] {
  const decoder = new Decoder();
  const read: TheirPacket[] = [];
  decoder.on("decoded", (packet: TheirPacket) => read.push(packet));
  for (const packet of packets) decoder.add(typeof packet === "string" ? packet.slice(1) : Buffer.from(packet));
  return read;
}

/** What ours does. */
function ours(parts: readonly Packet[]): SocketPacket[] {
  const reader = new Reader();
  return parts.map((part) => reader.take(part)).filter((packet) => packet !== null);
}

/** Bytes are a Buffer to one, and a Uint8Array to the other. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return { bytes: [...value] };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

/** Whether there are no more attachments than are taken. */
function few(value: unknown): boolean {
  const count = (item: unknown): number => {
    if (item instanceof Uint8Array) return 1;
    return typeof item === "object" && item !== null ? Object.values(item).reduce<number>((sum, one) => sum + count(one), 0) : 0;
  };
  return count(value) <= 10;
}

describe("with Socket.IO's own parser", () => {
  test("what we write is read", () => {
    fc.assert(
      fc.property(namespace, argument.filter(few), fc.option(fc.integer({ min: 1, max: 1_000 })), (nsp, data, id) => {
        const [read, ...more] = theirs(encodePacket(EVENT, nsp, ["name", data], id ?? undefined));
        expect(more).toEqual([]);
        expect(read).toMatchObject({ type: EVENT, nsp });
        expect(read?.id ?? null).toBe(id);
        expect(plain(read?.data)).toEqual(plain(["name", data]));
      }),
    );
    expect(theirs(encodePacket(CONNECT, "/of/mine", { protocol: 1 }))).toMatchObject([{ data: { protocol: 1 } }]);
    expect(encodePacket(1, "/")).toEqual(["41"]);
    expect(encodePacket(EVENT, "/", ["a", Buffer.from("x")])).toEqual(['451-["a",{"_placeholder":true,"num":0}]', Buffer.from("x")]);
  });

  test("what it writes we read", () => {
    fc.assert(
      fc.property(namespace, argument.filter(few), fc.option(fc.integer({ min: 1, max: 1_000 })), (nsp, data, id) => {
        for (const [type, list] of [[EVENT, ["name", data]], [ACK, [data]]] as const) {
          const encoded = new Encoder().encode({ type: type as number, nsp, data: structuredClone(list), id: id ?? undefined } as TheirPacket);
          const [read, ...more] = ours(encoded as Packet[]);
          expect(more).toEqual([]);
          expect(read).toMatchObject({ type, namespace: nsp, id: id ?? 0 });
          expect(plain(read?.list)).toEqual(plain(list));
        }
      }),
    );
    expect(ours(['0{"sid":"s"}', '4/of/mine,{"message":"no","data":{"code":"c"}}', "1"])).toMatchObject([
      { type: 0, namespace: "/", fields: { sid: "s" } },
      { type: 4, namespace: "/of/mine", fields: { message: "no", data: { code: "c" } } },
      { type: 1, namespace: "/" },
    ]);
  });
});

test.each([
  ["", "no type"],
  ["7[]", "no such type"],
  ["51-", "no arguments"],
  ["2", "no arguments"],
  ['2{"a":1}', "arguments that are none"],
  ['0["a"]', "a list where there is none"],
  ["0null", "nothing"],
  ["2[", "no JSON"],
  ["5[]", "no count of attachments"],
  ["50-[]", "none of them"],
  ["511-[]", "too many of them"],
  ["21-[]", "some where there are none"],
])("%j is refused: %s", (text) => {
  const reader = new Reader();
  expect(() => {
    reader.take(text);
    reader.take(new Uint8Array(1));
  }).toThrow(BadPacket);
});

test("attachments come where they are announced, and placeholders have them", () => {
  expect(() => new Reader().take(new Uint8Array(1))).toThrow(BadPacket);
  const reader = new Reader();
  expect(reader.take('51-["e",{"_placeholder":true,"num":0}]')).toBeNull();
  expect(() => reader.take('2["e"]')).toThrow(BadPacket);
  for (const num of ["1", "-1", '"length"', '"x"', "null"]) {
    const hostile = new Reader();
    hostile.take(`51-["e",{"_placeholder":true,"num":${num}}]`);
    expect(() => hostile.take(new Uint8Array(1))).toThrow(BadPacket);
  }
});

test("whatever comes, it is a packet or a BadPacket", () => {
  const piece = fc.oneof(fc.string(), fc.stringMatching(/^[0-7](\d-)?(\/a,)?\d?[[\]{}"a:,\d]*$/), bytes);
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 4 }), (pieces) => {
      const reader = new Reader();
      for (const one of pieces) {
        try {
          reader.take(one);
        } catch (error) {
          expect(error).toBeInstanceOf(BadPacket);
        }
      }
    }),
    { numRuns: 2_000 },
  );
});

test("payloads carry texts and bytes", () => {
  const text = fc.string().filter((one) => !one.includes("\x1e")).map((one) => `4${one}`);
  fc.assert(
    fc.property(fc.array(fc.oneof(text, fc.uint8Array({ maxLength: 300 })), { minLength: 1 }), (packets) => {
      expect(readPayload(joinParts(packets.map(toPart)))).toEqual(packets);
    }),
  );
  expect(() => readPayload("b!")).toThrow(BadPacket);
});
