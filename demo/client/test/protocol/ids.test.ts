/** Names on the wire. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { checkRoomName, fromText, PEER_ID, peerId, toText } from "../../src/protocol/ids.ts";
import { hex, load, unhex } from "../vectors.ts";

interface IdVectors {
  readonly peer_ids: readonly { key: string; id: string }[];
  readonly base64url: readonly { bytes: string; text: string }[];
  readonly not_base64url: readonly string[];
  readonly room_names: readonly string[];
  readonly not_room_names: readonly string[];
}

const vectors = load<IdVectors>("ids.json");

test.each(vectors.peer_ids)("the id $id", ({ key, id }) => {
  expect(peerId(unhex(key))).toBe(id);
  expect(id).toMatch(PEER_ID);
});

test.each(vectors.base64url)("base64url: '$text'", ({ bytes, text }) => {
  expect(toText(unhex(bytes))).toBe(text);
  expect(hex(fromText(text))).toBe(bytes);
});

test.each(vectors.not_base64url)("not base64url: %j", (text) => {
  expect(() => fromText(text)).toThrow(RangeError);
  expect(() => fromText(text)).toThrow(/base64url/);
});

test.each(vectors.room_names)("a room's name: %j", (name) => {
  expect(checkRoomName(name)).toBe(name);
});

test.each([...vectors.not_room_names, "a\ud800"])("not a room's name: %j", (name) => {
  expect(() => checkRoomName(name)).toThrow(RangeError);
  expect(() => checkRoomName(name)).toThrow(/room/);
});

test("any bytes come back from base64url, which is that of Node", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200, size: "max" }), (data) => {
      expect(toText(data)).toBe(Buffer.from(data).toString("base64url"));
      expect(hex(fromText(toText(data)))).toBe(hex(data));
    }),
  );
});

test("any text is the only base64url of its bytes, or none", () => {
  const characters = fc.constantFrom(..."ABQgwxyz0129-_=+/ \n\u00e4\ud83d");
  fc.assert(
    fc.property(fc.string({ unit: characters, maxLength: 12 }), (text) => {
      let data: Uint8Array;
      try {
        data = fromText(text);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
        return;
      }
      expect(toText(data)).toBe(text);
    }),
    { numRuns: 2_000 },
  );
});
