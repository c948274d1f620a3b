/**
 * Frames, the smallest things that travel on a link, and packets of them (docs/protocol.md, "Frames").
 *
 * A frame is a header of 12 bytes, big-endian, and a payload of at most 16,384:
 *
 *     u8 type | u8 lane << 4 | flags | u16 channel | u48 seq | u16 length | payload
 *
 * A packet is one or more frames back to back.
 */

import { viewOf } from "../protocol/bytes.ts";

/** Bytes of a frame's header. */
export const HEADER_SIZE = 12;
/** Bytes of a frame's payload. */
export const MAX_PAYLOAD = 16_384;
/** The flag that says: another chunk of this message follows. */
export const MORE = 1;
/** The highest sequence number. */
export const MAX_SEQ = 2 ** 48 - 1;
/** Unsequenced types from here on are for later versions: whoever does not know one skips it. */
export const FIRST_SKIPPED = 20;

const U32 = 2 ** 32;

/** What a frame carries. The first six are sequenced on the reliable and the bulk lane; the others never are. */
export const FrameType = {
  BYTES: 1,
  TEXT: 2,
  VALUE: 3,
  OPEN: 4,
  CLOSE: 5,
  BYE: 6,
  ACK: 16,
  PING: 17,
  PONG: 18,
  SIGNAL: 19,
} as const;
/** One of FrameType's numbers. */
export type FrameType = (typeof FrameType)[keyof typeof FrameType];

/** A class of delivery. */
export const Lane = { RELIABLE: 0, BULK: 1, DATAGRAM: 2 } as const;
/** One of Lane's numbers. */
export type Lane = (typeof Lane)[keyof typeof Lane];

/** The bytes are no packet of frames; the message says what is wrong with them. */
export class FrameError extends RangeError {
  override readonly name = "FrameError";
}

const EMPTY = new Uint8Array(0);

/** One frame. `seq` is 0 where nothing is sequenced; `payload` may be a view into a larger message. */
export class Frame {
  readonly type: FrameType;
  readonly lane: Lane;
  readonly more: boolean;
  /** The sender's number of the channel. */
  readonly channel: number;
  readonly seq: number;
  readonly payload: Uint8Array;

  constructor(
    type: FrameType,
    lane: Lane,
    more: boolean,
    channel: number,
    seq: number,
    payload: Uint8Array = EMPTY,
  ) {
    this.type = type;
    this.lane = lane;
    this.more = more;
    this.channel = channel;
    this.seq = seq;
    this.payload = payload;
  }
}

interface Shape {
  readonly type: FrameType;
  readonly lane: Lane;
  readonly more: boolean;
  readonly sequenced: boolean;
}

/** Every first half-word that makes sense: type, lane, MORE, and whether such a frame has a sequence number. */
function makeShapes(): ReadonlyMap<number, Shape> {
  const shapes = new Map<number, Shape>();
  function add(type: FrameType, lane: Lane, more: boolean, sequenced: boolean): void {
    shapes.set((type << 8) | (lane << 4) | (more ? MORE : 0), { type, lane, more, sequenced });
  }
  const messages = [FrameType.BYTES, FrameType.TEXT, FrameType.VALUE];
  for (const lane of [Lane.RELIABLE, Lane.BULK]) {
    for (const type of [...messages, FrameType.OPEN, FrameType.CLOSE]) add(type, lane, false, true);
    for (const type of messages) add(type, lane, true, true);
  }
  add(FrameType.BYE, Lane.RELIABLE, false, true);
  for (const type of messages) add(type, Lane.DATAGRAM, false, false);
  for (const type of [FrameType.ACK, FrameType.PING, FrameType.PONG, FrameType.SIGNAL]) {
    for (const lane of Object.values(Lane)) add(type, lane, false, false);
  }
  return shapes;
}

const SHAPES = makeShapes();

/** The bytes of `frames` back to back. Their fields are trusted: the session made them. */
export function encodePacket(frames: Iterable<Frame>): Uint8Array<ArrayBuffer> {
  let size = 0;
  for (const frame of frames) size += HEADER_SIZE + frame.payload.length;
  const packet = new Uint8Array(size);
  let at = 0;
  for (const { type, lane, more, channel, seq, payload } of frames) {
    const high = Math.floor(seq / U32);
    // Byte by byte: a DataView would cost more than it writes.
    packet[at] = type;
    packet[at + 1] = (lane << 4) | (more ? MORE : 0);
    packet[at + 2] = channel >> 8;
    packet[at + 3] = channel;
    packet[at + 4] = high >> 8;
    packet[at + 5] = high;
    packet[at + 6] = seq >>> 24;
    packet[at + 7] = seq >>> 16;
    packet[at + 8] = seq >>> 8;
    packet[at + 9] = seq;
    packet[at + 10] = payload.length >> 8;
    packet[at + 11] = payload.length;
    packet.set(payload, at + HEADER_SIZE);
    at += HEADER_SIZE + payload.length;
  }
  return packet;
}

/** The bytes of one frame. */
export function encodeFrame(frame: Frame): Uint8Array<ArrayBuffer> {
  return encodePacket([frame]);
}

/**
 * The frames in `packet`, without those of unsequenced types that only a later version knows. Payloads are views.
 *
 * Throws FrameError if the packet is cut short, or a frame in it has a type, lane, flag or number that does not exist.
 */
export function decodePacket(packet: Uint8Array): Frame[] {
  const view = viewOf(packet);
  const frames: Frame[] = [];
  const end = packet.length;
  let at = 0;
  while (at < end) {
    if (end - at < HEADER_SIZE) throw new FrameError(`a header cut short: ${end - at} bytes at ${at}`);
    const head = view.getUint16(at);
    const channel = view.getUint16(at + 2);
    const seq = view.getUint16(at + 4) * U32 + view.getUint32(at + 6);
    const length = view.getUint16(at + 10);
    at += HEADER_SIZE;
    const stop = at + length;
    if (stop > end) throw new FrameError(`a payload cut short: ${end - at} of ${length} bytes at ${at}`);
    if (length > MAX_PAYLOAD) {
      throw new FrameError(`a payload of ${length} bytes; at most ${MAX_PAYLOAD} are allowed`);
    }
    const shape = SHAPES.get(head);
    if (shape !== undefined) {
      if (seq > 0 !== shape.sequenced) {
        throw new FrameError(`a frame of type ${shape.type} on lane ${shape.lane} with sequence number ${seq}`);
      }
      frames.push(new Frame(shape.type, shape.lane, shape.more, channel, seq, packet.subarray(at, stop)));
    } else if (head >> 8 < FIRST_SKIPPED || seq > 0) {
      throw new FrameError(`no such frame: type ${head >> 8}, lane ${(head >> 4) & 15}, flags ${head & 15}`);
    }
    at = stop;
  }
  return frames;
}
