/** Messages: how what an application sends travels, and how it comes back. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { FrameType } from "../../src/codec/frames.ts";
import * as messages from "../../src/codec/messages.ts";

test.each([
  ["text", FrameType.TEXT],
  ["", FrameType.TEXT],
  [new Uint8Array([1, 2]), FrameType.BYTES],
  [new Uint8Array(0), FrameType.BYTES],
  [null, FrameType.VALUE],
  [1.5, FrameType.VALUE],
  [false, FrameType.VALUE],
  [{ a: [1, new Uint8Array([3])] }, FrameType.VALUE],
])("plain data comes back: %o", (data, type) => {
  const [found, payload] = messages.encode(data);
  expect(found).toBe(type);
  expect(messages.decode(found, payload)).toStrictEqual(data);
});

test("any text comes back as it was, byte order marks too", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.string().map((text) => `\ufeff${text}`)), (text) => {
      expect(messages.decode(...messages.encode(text))).toBe(text);
    }),
  );
});

test("buffers and views of them travel as their bytes", () => {
  const floats = new Float32Array([1, 2, 3]);
  for (const data of [floats, floats.buffer, new DataView(floats.buffer), Buffer.from(floats.buffer)]) {
    const [type, payload] = messages.encode(data);
    expect(type).toBe(FrameType.BYTES);
    expect(payload).toStrictEqual(new Uint8Array(floats.buffer));
  }
  expect(messages.encode(floats.subarray(1, 2))[1]).toStrictEqual(new Uint8Array(floats.buffer.slice(4, 8)));
});

test("bytes are copied: whoever sent them may go on writing in them", () => {
  const floats = new Float32Array([1, 2]);
  for (const data of [floats, floats.buffer, Buffer.from(floats.buffer), new Uint8Array(floats.buffer)]) {
    const [, payload] = messages.encode(data);
    expect(payload.buffer).not.toBe(floats.buffer);
    expect(payload.buffer.byteLength).toBe(payload.length);
  }
});

test("payloads that are not of their kind are RangeErrors", () => {
  expect(() => messages.decode(FrameType.TEXT, Uint8Array.of(0xff))).toThrow(/UTF-8/);
  expect(() => messages.decode(FrameType.TEXT, Uint8Array.of(0xff))).toThrow(RangeError);
  expect(() => messages.decode(FrameType.VALUE, Uint8Array.of(0xc1))).toThrow(RangeError);
});

test("what cannot travel", () => {
  expect(() => messages.encode(new Set([1]))).toThrow(/^data is Set/);
  expect(() => messages.encode(undefined)).toThrow(TypeError);
  expect(() => messages.encode("\ud800")).toThrow(/surrogate/);
});
