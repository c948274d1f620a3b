/** Names on the wire: ids of peers, names of rooms, and bytes as text. */

import { sha256 } from "@noble/hashes/sha2.js";
import { concatBytes } from "@noble/hashes/utils.js";
import { MAX_ROOM_NAME } from "./limits.ts";
import { encodeUtf8 } from "./utf8.ts";

/** What an id of a peer looks like. */
export const PEER_ID = /^[a-z2-7]{32}$/;

const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";
const BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** The id of the peer whose Ed25519 public key (32 bytes) this is: 32 characters of lower-case base32 (K1). */
export function peerId(key: Uint8Array): string {
  return spell(sha256(concatBytes(encodeUtf8("eitherway id 1"), key)).subarray(0, 20), BASE32, 5);
}

/** Bytes as base64url without padding (RFC 4648, section 5). */
export function toText(data: Uint8Array): string {
  return spell(data, BASE64URL, 6);
}

/**
 * The bytes of a base64url text without padding.
 *
 * Throws RangeError if it is anything else, other spellings of the same bytes included: what is signed or compared must
 * have one form.
 */
export function fromText(text: string): Uint8Array<ArrayBuffer> {
  const data = new Uint8Array(Math.floor((text.length * 3) / 4));
  let at = 0;
  let bits = 0;
  let held = 0;
  for (const character of text) {
    const digit = BASE64URL.indexOf(character);
    if (digit < 0) throw new RangeError("not base64url");
    bits = ((bits & 0x3f) << 6) | digit; // of what was not written yet there are 6 bits at most
    held += 6;
    if (held >= 8) {
      held -= 8;
      data[at] = bits >> held;
      at += 1;
    }
  }
  if (held === 6 || (bits & ((1 << held) - 1)) !== 0) throw new RangeError("not base64url in its shortest form");
  return data;
}

/**
 * The name itself, if it can name a room: 1 to 128 bytes of UTF-8 without control characters.
 *
 * Throws RangeError that says what is wrong.
 */
export function checkRoomName(name: string): string {
  let size: number;
  try {
    size = encodeUtf8(name).length;
  } catch {
    throw new RangeError("a room's name must be valid Unicode");
  }
  if (size < 1 || size > MAX_ROOM_NAME) {
    throw new RangeError(`a room's name has 1 to ${MAX_ROOM_NAME} bytes of UTF-8; this one has ${size}`);
  }
  for (let at = 0; at < name.length; at += 1) {
    const code = name.charCodeAt(at);
    if (code < 32 || code === 127) throw new RangeError("a room's name has no control characters");
  }
  return name;
}

/** Bytes in digits of so many bits each, the last one filled up with zeros. */
function spell(data: Uint8Array, alphabet: string, width: number): string {
  let text = "";
  let bits = 0;
  let held = 0;
  for (const byte of data) {
    bits = ((bits << 8) | byte) & 0xffff;
    held += 8;
    while (held >= width) {
      held -= width;
      text += alphabet.charAt((bits >> held) & ((1 << width) - 1));
    }
  }
  if (held > 0) text += alphabet.charAt((bits << (width - held)) & ((1 << width) - 1));
  return text;
}

/** How the ids of members without keys begin, and no peer's id does. */
const GUEST = "guest-";

/** Whether this is the id of a member without a key: nobody can link to it. */
export function isGuest(id: string): boolean {
  return id.startsWith(GUEST);
}
