import fc from "fast-check";
import { expect, test } from "vitest";
import { headOf, isSmall } from "../src/pictures.ts";

const u16 = (value: number): number[] => [value >> 8, value & 255];
const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value & 65_535)];

function png(width: number, height: number): Uint8Array {
  return Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, ...u32(13), 73, 72, 68, 82, ...u32(width), ...u32(height)]);
}

/** A JPEG of these segments before its frame. */
function jpeg(width: number, height: number, before: readonly number[] = [], frame = 0xc0): Uint8Array {
  return Uint8Array.from([0xff, 0xd8, ...before, 0xff, frame, ...u16(11), 8, ...u16(height), ...u16(width), 1, 1, 0x11, 0]);
}

const APP0 = [0xff, 0xe0, ...u16(6), 0xff, 0xc0, 0, 0]; // what looks like a frame inside of it is none
const TABLES = [0xff, 0xff, 0xff, 0xc4, ...u16(4), 1, 2, 0xff, 0xdb, ...u16(3), 9];

test("the head of a picture says how large it is", () => {
  expect(headOf(png(160, 120))).toEqual({ type: "image/png", width: 160, height: 120 });
  expect(headOf(png(0x1_0203, 0xfedc_ba98))).toEqual({ type: "image/png", width: 0x1_0203, height: 0xfedc_ba98 });
  for (const frame of [0xc0, 0xc1, 0xc2, 0xcf]) {
    const head = { type: "image/jpeg", width: 160, height: 4660 };
    expect(headOf(jpeg(160, 4660, [...APP0, ...TABLES], frame))).toEqual(head);
  }
  const within = new Uint8Array([7, 7, ...png(1, 2), 7]).subarray(2, 26);
  expect(headOf(within)).toEqual({ type: "image/png", width: 1, height: 2 });
});

test("whatever is no picture has no head", () => {
  const cut = jpeg(160, 120, APP0);
  for (let length = 0; length < cut.length - 4; length += 1) expect(headOf(cut.subarray(0, length))).toBeNull();
  for (let length = 0; length < 24; length += 1) expect(headOf(png(1, 1).subarray(0, length))).toBeNull();
  expect(headOf(jpeg(1, 1, [0xff, 0xda, ...u16(2)]))).toBeNull();
  expect(headOf(jpeg(1, 1, [0, 0]))).toBeNull();
  expect(headOf(jpeg(1, 1, [0xff, 0xe0, ...u16(65_535)]))).toBeNull();
  expect(headOf(new TextEncoder().encode("<svg xmlns='http://www.w3.org/2000/svg'/>"))).toBeNull();
  expect(headOf(new TextEncoder().encode("GIF89a"))).toBeNull();
});

test("no bytes make it throw, or look for ever", () => {
  const starts = [[], [0xff, 0xd8], [0xff, 0xd8, 0xff], [...png(1, 1)].slice(0, 16)].map((start) => Uint8Array.from(start));
  const bytes = fc.tuple(fc.constantFrom(...starts), fc.uint8Array({ maxLength: 80 }));
  fc.assert(
    fc.property(bytes, ([start, rest]) => {
      const head = headOf(Uint8Array.from([...start, ...rest]));
      expect(head === null || head.width >= 0).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

test.each([
  [160, 160, true],
  [320, 1, true],
  [321, 1, false],
  [1, 60_000, false],
  [0, 100, false],
  [100, 0, false],
])("%i x %i pixels are drawn: %s", (width, height, is) => {
  expect(isSmall({ type: "image/png", width, height })).toBe(is);
});
