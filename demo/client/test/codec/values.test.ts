/** Values: what every language carries alike, and nothing else. */

import { encode as packedByLibrary, decode as readByLibrary } from "@msgpack/msgpack";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as values from "../../src/codec/values.ts";
import { asRead, fromTagged, hex, load, type Tagged, unhex } from "../vectors.ts";

interface ValueVectors {
  readonly values: readonly { value: Tagged; packed: string }[];
  readonly other_spellings: readonly { about: string; value: Tagged; packed: string }[];
  readonly not_values: readonly { about: string; packed: string }[];
}

const vectors = load<ValueVectors>("values.json");

describe("the vectors", () => {
  test.each(vectors.values)("$packed", ({ value, packed }) => {
    expect(hex(values.encode(fromTagged(value)))).toBe(packed);
    expect(hex(values.encode(asRead(value)))).toBe(packed);
    expect(values.decode(unhex(packed))).toStrictEqual(asRead(value));
  });

  test.each(vectors.other_spellings)("$about", ({ value, packed }) => {
    expect(values.decode(unhex(packed))).toStrictEqual(asRead(value));
  });

  test.each(vectors.not_values)("refused: $about", ({ packed }) => {
    expect(() => values.decode(unhex(packed))).toThrow(RangeError);
  });
});

const scalars = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.string({ unit: "binary" }),
  fc.uint8Array(),
);
/** Keys in an order that objects keep: those like integers come first. */
const keys = fc.string({ unit: "binary" });
const { anything } = fc.letrec<{ anything: unknown }>((tie) => ({
  anything: fc.oneof(
    { depthSize: "small" },
    scalars,
    fc.array(tie("anything"), { maxLength: 20 }),
    fc.dictionary(keys, tie("anything"), { maxKeys: 20, noNullPrototype: true }),
  ),
}));

test("a value comes back", () => {
  fc.assert(
    fc.property(anything, (value) => {
      expect(values.decode(values.encode(value))).toStrictEqual(value);
    }),
  );
});

/** The library does not know -0, and refuses a key that is a name of Object's. */
const ordinary = fc.letrec<{ ordinary: unknown }>((tie) => ({
  ordinary: fc.oneof(
    { depthSize: "small" },
    scalars.filter((value) => !Object.is(value, -0)),
    fc.array(tie("ordinary"), { maxLength: 20 }),
    fc.dictionary(keys.filter((key) => key !== "__proto__"), tie("ordinary"), { noNullPrototype: true }),
  ),
})).ordinary;

test("@msgpack/msgpack writes the same bytes, and reads them alike", () => {
  fc.assert(
    fc.property(ordinary, (value) => {
      const packed = values.encode(value);
      expect(hex(packed)).toBe(hex(packedByLibrary(value)));
      expect(readByLibrary(packed)).toStrictEqual(values.decode(packed));
    }),
  );
});

test.each([31, 32, 255, 256, 65_535, 65_536, 70_000])("texts, bytes, lists and maps of %i", (size) => {
  const list = Array.from({ length: size }, (_, n) => n);
  const map = Object.fromEntries(list.map((n) => [`k${n}`, n]));
  for (const value of ["x".repeat(size), new Uint8Array(size).fill(7), list, map]) {
    const packed = hex(values.encode(value));
    expect(packed === hex(packedByLibrary(value))).toBe(true);
    expect(hex(values.encode(values.decode(unhex(packed)))) === packed).toBe(true);
  }
});

test("any bytes are a value or a RangeError", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40, size: "max" }), (payload) => {
      let value: unknown;
      try {
        value = values.decode(payload);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
        return;
      }
      values.encode(value);
    }),
    { numRuns: 2_000 },
  );
});

test("a value whose bytes are cut short or changed is a value or a RangeError", () => {
  fc.assert(
    fc.property(anything, fc.nat(), fc.nat(255), (value, where, byte) => {
      const packed = values.encode(value);
      const at = where % packed.length;
      for (const spoilt of [packed.subarray(0, at), packed.map((was, n) => (n === at ? byte : was))]) {
        try {
          values.decode(spoilt);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }
    }),
  );
});

test("a packet cannot announce more than it holds", () => {
  for (const head of ["dd", "df", "db", "c6"]) {
    expect(() => values.decode(unhex(`${head}ffffffff`))).toThrow(/cut short/);
  }
  // 60 lists in one another, each of which says that all bytes after it are its items.
  const nest = new Uint8Array(2 ** 20);
  for (let at = 0; at < 300; at += 5) nest.set([0xdd, 0, 0x0f, 0, 0], at);
  const before = process.memoryUsage().rss;
  expect(() => values.decode(nest)).toThrow(RangeError);
  expect(process.memoryUsage().rss - before).toBeLessThan(64 * 2 ** 20);
});

class Point {
  x = 1;
}

test.each<[unknown, RegExp]>([
  [undefined, /^data is undefined/],
  [{ a: [1, 2, new Set([3])] }, /^data\["a"\]\[2\] is Set/],
  [{ a: { b: new Date() } }, /^data\["a"\]\["b"\] is Date/],
  [{ a: undefined }, /^data\["a"\] is undefined/],
  // oxlint-disable-next-line no-sparse-arrays
  [[1, , 3], /^data\[1\] is undefined/],
  [new Map([[1, 2]]), /^data has the key 1: keys must be strings/],
  [[new Map([[null, 2]])], /^data\[0\] has the key null/],
  [new Point(), /^data is Point/],
  [() => 1, /^data is function/],
  [Symbol("s"), /^data is symbol/],
  [[1n], /^data\[0\] is a bigint/],
  [{ view: new Float32Array(2) }, /^data\["view"\] is Float32Array/],
])("what is no value is a TypeError that names the place: %o", (value, message) => {
  expect(() => values.encode(value)).toThrow(TypeError);
  expect(() => values.encode(value)).toThrow(message);
});

test("half a character is refused, and its place named", () => {
  expect(() => values.encode({ a: "x\ud800" })).toThrow(RangeError);
  expect(() => values.encode({ a: "x\ud800" })).toThrow(/^data\["a"\]: .*surrogate/);
  expect(() => values.encode({ "\udc00": 1 })).toThrow(RangeError);
});

test("numbers beyond 2^53 are floats", () => {
  for (const value of [2 ** 53, -(2 ** 53), 2 ** 64, Number.MAX_VALUE]) {
    expect(values.encode(value)[0]).toBe(0xcb);
    expect(values.decode(values.encode(value))).toBe(value);
  }
});

test("a nest has an end", () => {
  let nest: unknown = 1;
  for (let depth = 0; depth < values.MAX_DEPTH; depth += 1) nest = depth % 2 ? [nest] : { nest };
  expect(values.decode(values.encode(nest))).toStrictEqual(nest);
  expect(() => values.encode([nest])).toThrow(/64 deep/);
  const loop: unknown[] = [];
  loop.push(loop);
  expect(() => values.encode(loop)).toThrow(RangeError);
  expect(() => values.decode(new Uint8Array(1_000_000).fill(0x91))).toThrow(/64 deep/);
});

test("a key may have any name", () => {
  const hostile = values.decode(values.encode(new Map<string, unknown>([["__proto__", { admin: true }], ["toString", 1]])));
  expect(Object.keys(hostile as object)).toEqual(["__proto__", "toString"]);
  expect((hostile as { admin?: unknown }).admin).toBeUndefined();
  expect(Object.getPrototypeOf(hostile)).toBe(Object.prototype);
  expect(hex(values.encode(hostile))).toBe(hex(values.encode(JSON.parse('{"__proto__":{"admin":true},"toString":1}'))));
});

test("bytes that were read are their own, in whatever they came", () => {
  const packed = Buffer.from(values.encode([new Uint8Array([1, 2])]));
  const [bytes] = values.decode(packed) as [Uint8Array];
  packed.fill(0);
  expect(bytes).toStrictEqual(new Uint8Array([1, 2]));
  expect(bytes.buffer.byteLength).toBe(2);
});
