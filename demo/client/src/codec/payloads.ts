/** The payloads of frames that carry no message: acknowledgements, pings, byes, opens, signals (docs/protocol.md). */

import { viewOf } from "../protocol/bytes.ts";
import { encodeUtf8 } from "../protocol/utf8.ts";
import { FrameError, Lane } from "./frames.ts";
import * as values from "./values.ts";

/** A channel of the data's sender, its absolute limit, and what of it was handled; both in charged bytes. */
export type Credit = readonly [channel: number, limit: number, handled: number];

/** Bytes of UTF-8 in a channel's label, and in its kind. */
export const MAX_LABEL = 256;
/** Bytes of a datagram beside its number. */
export const MAX_DATAGRAM = 16_380;

const NEXT_SIZE = 12;
const CREDIT_SIZE = 14;
const U32 = 2 ** 32;

/** What an ACK carries, and a PONG after its id: the next frame wanted of each lane, and limits of channels. */
export interface Acknowledgement {
  readonly reliable: number;
  readonly bulk: number;
  readonly credits: readonly Credit[];
}

/** What an OPEN carries. */
export interface Opening {
  readonly label: string;
  readonly kind: string;
  readonly lane: Lane;
  readonly settings: values.ValueMap;
}

/** What a SIGNAL carries. */
export interface SignalBody {
  readonly kind: string;
  readonly attempt: number;
  readonly payload: values.ValueMap;
}

/** An ACK's payload. */
export function encodeAck(reliable: number, bulk: number, credits: readonly Credit[]): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(NEXT_SIZE + credits.length * CREDIT_SIZE);
  const view = new DataView(payload.buffer);
  setU48(view, 0, reliable);
  setU48(view, 6, bulk);
  let at = NEXT_SIZE;
  for (const [channel, limit, handled] of credits) {
    view.setUint16(at, channel);
    setU48(view, at + 2, limit);
    setU48(view, at + 8, handled);
    at += CREDIT_SIZE;
  }
  return payload;
}

/** What an ACK says. Throws FrameError if its length is impossible. */
export function decodeAck(payload: Uint8Array): Acknowledgement {
  if (payload.length < NEXT_SIZE || (payload.length - NEXT_SIZE) % CREDIT_SIZE !== 0) {
    throw new FrameError(`an acknowledgement of ${payload.length} bytes`);
  }
  const view = viewOf(payload);
  const credits: Credit[] = [];
  for (let at = NEXT_SIZE; at < payload.length; at += CREDIT_SIZE) {
    credits.push([view.getUint16(at), getU48(view, at + 2), getU48(view, at + 8)]);
  }
  return { reliable: getU48(view, 0), bulk: getU48(view, 6), credits };
}

/** A PONG's payload: the number of its ping, then an ACK's payload that names all channels. */
export function encodePong(number: number, acknowledgement: Uint8Array): Uint8Array<ArrayBuffer> {
  return numbered(number, acknowledgement);
}

/** The number of the ping, and the acknowledgement. Throws FrameError. */
export function decodePong(payload: Uint8Array): [number: number, acknowledgement: Acknowledgement] {
  if (payload.length < 4) throw new FrameError(`a pong of ${payload.length} bytes`);
  return [viewOf(payload).getUint32(0), decodeAck(payload.subarray(4))];
}

/** A PING's payload; `suspect` is the attempt that its sender suspects, or 0. */
export function encodePing(number: number, suspect = 0): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(8);
  const view = new DataView(payload.buffer);
  view.setUint32(0, number);
  view.setUint32(4, suspect);
  return payload;
}

/** A ping's number, and the attempt it calls suspect or 0. Throws FrameError. */
export function decodePing(payload: Uint8Array): [number: number, suspect: number] {
  if (payload.length !== 8) throw new FrameError(`a ping of ${payload.length} bytes`);
  const view = viewOf(payload);
  return [view.getUint32(0), view.getUint32(4)];
}

/** A BYE's payload: the last number of each lane before it. */
export function encodeBye(reliable: number, bulk: number): Uint8Array<ArrayBuffer> {
  return encodeAck(reliable, bulk, []);
}

/** The last number of each lane. Throws FrameError. */
export function decodeBye(payload: Uint8Array): [reliable: number, bulk: number] {
  if (payload.length !== NEXT_SIZE) throw new FrameError(`a bye of ${payload.length} bytes`);
  const view = viewOf(payload);
  return [getU48(view, 0), getU48(view, 6)];
}

/** An OPEN's payload. Throws RangeError for a label or kind that is too long, TypeError for odd settings. */
export function encodeOpen(opening: Opening): Uint8Array<ArrayBuffer> {
  for (const text of [opening.label, opening.kind]) {
    if (encodeUtf8(text).length > MAX_LABEL) {
      throw new RangeError(`a channel's label may have ${MAX_LABEL} bytes of UTF-8: "${text.slice(0, 40)}"...`);
    }
  }
  return values.encode([opening.label, opening.kind, opening.lane, opening.settings]);
}

/** What an OPEN says. Throws FrameError. */
export function decodeOpen(payload: Uint8Array): Opening {
  const found = read(payload, "an open");
  if (Array.isArray(found) && found.length === 4) {
    const [label, kind, lane, settings] = found;
    if (typeof label === "string" && typeof kind === "string" && isLane(lane) && values.isMap(settings)) {
      if (Math.max(encodeUtf8(label).length, encodeUtf8(kind).length) > MAX_LABEL) {
        throw new FrameError("an open with an endless label");
      }
      return { label, kind, lane, settings };
    }
  }
  throw new FrameError("an open that is not [label, kind, lane, settings]");
}

/** A datagram's payload: its number, counted for each channel, then its bytes. */
export function encodeDatagram(number: number, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  return numbered(number, payload);
}

/** A datagram's number and its bytes (a view). Throws FrameError. */
export function decodeDatagram(payload: Uint8Array): [number: number, data: Uint8Array] {
  if (payload.length < 4) throw new FrameError(`a datagram of ${payload.length} bytes`);
  return [viewOf(payload).getUint32(0), payload.subarray(4)];
}

/** A SIGNAL's payload. Throws TypeError, RangeError for what is no value. */
export function encodeSignal(kind: string, attempt: number, payload: values.ValueMap): Uint8Array<ArrayBuffer> {
  return values.encode([kind, attempt, payload]);
}

/** A signal's kind, attempt and payload. Throws FrameError. */
export function decodeSignal(payload: Uint8Array): SignalBody {
  const found = read(payload, "a signal");
  if (Array.isArray(found) && found.length === 3) {
    const [kind, attempt, body] = found;
    if (typeof kind === "string" && Number.isInteger(attempt) && Number(attempt) >= 0 && values.isMap(body)) {
      return { kind, attempt: Number(attempt), payload: body };
    }
  }
  throw new FrameError("a signal that is not [kind, attempt, payload]");
}

function isLane(lane: unknown): lane is Lane {
  return lane === Lane.RELIABLE || lane === Lane.BULK || lane === Lane.DATAGRAM;
}

function read(payload: Uint8Array, what: string): values.Value {
  try {
    return values.decode(payload);
  } catch (error) {
    throw new FrameError(`${what} that is no value: ${(error as Error).message}`);
  }
}

function numbered(number: number, rest: Uint8Array): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(4 + rest.length);
  new DataView(payload.buffer).setUint32(0, number);
  payload.set(rest, 4);
  return payload;
}

function setU48(view: DataView, at: number, value: number): void {
  view.setUint16(at, Math.floor(value / U32));
  view.setUint32(at + 2, value >>> 0);
}

function getU48(view: DataView, at: number): number {
  return view.getUint16(at) * U32 + view.getUint32(at + 2);
}
