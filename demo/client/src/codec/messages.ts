/** Messages: what an application sends, as a frame type and a payload, and back. */

import { decodeUtf8, encodeUtf8 } from "../protocol/utf8.ts";
import { FrameType } from "./frames.ts";
import * as values from "./values.ts";

/** The types of frames that carry a message. */
export type MessageType = typeof FrameType.BYTES | typeof FrameType.TEXT | typeof FrameType.VALUE;

/**
 * How `data` travels: a string as text, an ArrayBuffer and any view of one (a typed array, a DataView) as bytes,
 * anything else as a value. Bytes are copied, so that the caller may go on writing in them.
 *
 * Throws TypeError and RangeError as `values.encode` does.
 */
export function encode(data: unknown): [type: MessageType, payload: Uint8Array<ArrayBuffer>] {
  if (typeof data === "string") return [FrameType.TEXT, encodeUtf8(data)];
  if (data instanceof Uint8Array) return [FrameType.BYTES, new Uint8Array(data)];
  if (ArrayBuffer.isView(data)) {
    return [FrameType.BYTES, new Uint8Array(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))];
  }
  if (data instanceof ArrayBuffer) return [FrameType.BYTES, new Uint8Array(data.slice(0))];
  return [FrameType.VALUE, values.encode(data)];
}

/**
 * What was sent. Bytes are the payload itself, so that has to have an ArrayBuffer of its own: then
 * `new Float32Array(bytes.buffer)` is what it looks like.
 *
 * Throws RangeError if the payload is not of its kind.
 */
export function decode(type: FrameType, payload: Uint8Array): values.Value {
  if (type === FrameType.BYTES) return payload;
  if (type === FrameType.TEXT) return decodeUtf8(payload);
  return values.decode(payload);
}
