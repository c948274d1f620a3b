/** Frames and packets of them. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  decodePacket,
  encodeFrame,
  encodePacket,
  Frame,
  FrameError,
  FrameType,
  HEADER_SIZE,
  Lane,
  MAX_PAYLOAD,
  MAX_SEQ,
} from "../../src/codec/frames.ts";
import { hex, load, unhex } from "../vectors.ts";

interface Shown {
  readonly type: FrameType;
  readonly lane: Lane;
  readonly more: boolean;
  readonly channel: number;
  readonly seq: number;
  readonly payload: string;
}

interface FrameVectors {
  readonly packets: readonly { packet: string; frames: Shown[] }[];
  readonly skipped: readonly { packet: string; frames: Shown[] }[];
  readonly not_packets: readonly { about: string; packet: string }[];
}

const vectors = load<FrameVectors>("frames.json");

function frameOf({ type, lane, more, channel, seq, payload }: Shown): Frame {
  return new Frame(type, lane, more, channel, seq, unhex(payload));
}

function shown({ type, lane, more, channel, seq, payload }: Frame): Shown {
  return { type, lane, more, channel, seq, payload: hex(payload) };
}

describe("the vectors", () => {
  test.each(vectors.packets)("packet $packet", ({ packet, frames }) => {
    expect(hex(encodePacket(frames.map(frameOf)))).toBe(packet);
    expect(decodePacket(unhex(packet)).map(shown)).toEqual(frames);
  });

  test.each(vectors.skipped)("later versions' frames are skipped: $packet", ({ packet, frames }) => {
    expect(decodePacket(unhex(packet)).map(shown)).toEqual(frames);
  });

  test.each(vectors.not_packets)("refused: $about", ({ packet }) => {
    expect(() => decodePacket(unhex(packet))).toThrow(FrameError);
  });
});

const payload = fc.uint8Array({ maxLength: 300, size: "max" });
const messages = fc.constantFrom(FrameType.BYTES, FrameType.TEXT, FrameType.VALUE);
const ordered = fc.constantFrom(Lane.RELIABLE, Lane.BULK);
const channel = fc.nat(65_535);
const seq = fc.integer({ min: 1, max: MAX_SEQ });
const sensible = fc.oneof(
  fc
    .tuple(messages, ordered, fc.boolean(), channel, seq, payload)
    .map(([type, lane, more, number, at, data]) => new Frame(type, lane, more, number, at, data)),
  fc
    .tuple(fc.constantFrom(FrameType.OPEN, FrameType.CLOSE), ordered, channel, seq, payload)
    .map(([type, lane, number, at, data]) => new Frame(type, lane, false, number, at, data)),
  fc.tuple(channel, seq, payload).map(([number, at, data]) => new Frame(FrameType.BYE, Lane.RELIABLE, false, number, at, data)),
  fc
    .tuple(messages, channel, payload)
    .map(([type, number, data]) => new Frame(type, Lane.DATAGRAM, false, number, 0, data)),
  fc
    .tuple(
      fc.constantFrom(FrameType.ACK, FrameType.PING, FrameType.PONG, FrameType.SIGNAL),
      fc.constantFrom(...Object.values(Lane)),
      channel,
      payload,
    )
    .map(([type, lane, number, data]) => new Frame(type, lane, false, number, 0, data)),
);

test("frames come back, back to back", () => {
  fc.assert(
    fc.property(fc.array(sensible, { maxLength: 8 }), (frames) => {
      const packet = encodePacket(frames);
      expect(packet.length).toBe(frames.reduce((sum, frame) => sum + HEADER_SIZE + frame.payload.length, 0));
      expect(decodePacket(packet).map(shown)).toEqual(frames.map(shown));
    }),
  );
});

test("any header is a frame that is written as it was read, is skipped, or is a FrameError", () => {
  const header = fc.uint8Array({ minLength: 10, maxLength: 10 });
  fc.assert(
    fc.property(fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 7, 15, 16, 17, 19, 20, 255), header, (type, rest) => {
      const packet = new Uint8Array([type, ...rest.subarray(0, 9), 0, 0]);
      let frames: Frame[];
      try {
        frames = decodePacket(packet);
      } catch (error) {
        expect(error).toBeInstanceOf(FrameError);
        return;
      }
      if (frames.length > 0) expect(hex(encodePacket(frames))).toBe(hex(packet));
      else expect(type).toBeGreaterThanOrEqual(20);
    }),
    { numRuns: 2_000 },
  );
});

test("any bytes are frames or a FrameError", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80, size: "max" }), (packet) => {
      try {
        decodePacket(packet);
      } catch (error) {
        expect(error).toBeInstanceOf(FrameError);
      }
    }),
    { numRuns: 2_000 },
  );
});

test("a packet cut anywhere but between frames is refused", () => {
  fc.assert(
    fc.property(fc.array(sensible, { minLength: 1, maxLength: 3 }), fc.nat(), (frames, where) => {
      const packet = encodePacket(frames);
      const ends = new Set<number>([0]);
      let end = 0;
      for (const frame of frames) ends.add((end += HEADER_SIZE + frame.payload.length));
      const at = where % packet.length;
      if (ends.has(at)) expect(hex(encodePacket(decodePacket(packet.subarray(0, at))))).toBe(hex(packet.subarray(0, at)));
      else expect(() => decodePacket(packet.subarray(0, at))).toThrow(FrameError);
    }),
  );
});

test("a payload has an end", () => {
  const full = new Frame(FrameType.BYTES, Lane.BULK, false, 1, 1, new Uint8Array(MAX_PAYLOAD));
  expect(decodePacket(encodeFrame(full))).toHaveLength(1);
  const larger = new Frame(FrameType.BYTES, Lane.BULK, false, 1, 1, new Uint8Array(MAX_PAYLOAD + 1));
  expect(() => decodePacket(encodeFrame(larger))).toThrow(/at most 16384/);
});

test("packets are read where they lie in a larger buffer", () => {
  const packet = encodeFrame(new Frame(FrameType.TEXT, Lane.RELIABLE, false, 3, 2 ** 40 + 1, unhex("6869")));
  const larger = new Uint8Array(packet.length + 7);
  larger.set(packet, 5);
  const [frame] = decodePacket(larger.subarray(5, 5 + packet.length));
  expect(frame && shown(frame)).toEqual({ type: 2, lane: 0, more: false, channel: 3, seq: 2 ** 40 + 1, payload: "6869" });
});
