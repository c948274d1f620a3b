/** Text as UTF-8 and back, nothing bent on the way: JavaScript's own converters put U+FFFD for what they can't convert. */

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const LONE_SURROGATE = /\p{Surrogate}/u;

/** The UTF-8 of a text. Throws RangeError for half a character (a lone surrogate), which no UTF-8 can say. */
export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  const bytes = encoder.encode(text);
  if (bytes.length !== text.length && LONE_SURROGATE.test(text)) {
    throw new RangeError("text with half a character in it (a lone surrogate) is not valid Unicode");
  }
  return bytes;
}

/** The text of some UTF-8. Throws RangeError if it is none. */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new RangeError("not UTF-8");
  }
}
