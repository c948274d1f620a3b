/**
 * What members sign: the statement that binds a peer's keys to a room, and the proof that a client holds its key (K1).
 *
 * Both are u16-length-prefixed fields followed by an Ed25519 signature (64 bytes) over
 * `"eitherway/1 " || purpose || NUL || fields`. Integers are 8 bytes, big-endian.
 */

import { concatBytes } from "@noble/hashes/utils.js";
import { ed25519Verify } from "../curves.ts";
import { viewOf } from "./bytes.ts";
import { checkRoomName } from "./ids.ts";
import { MAX_INTEGER } from "./limits.ts";
import { decodeUtf8, encodeUtf8 } from "./utf8.ts";

/** Signs bytes with an Ed25519 private key: 64 bytes (RFC 8032). */
export type Sign = (data: Uint8Array) => Uint8Array;

const SIGNATURE = 64;
const U32 = 2 ** 32;

/** A statement or proof that is malformed, or that its key did not sign. */
export class BadStatement extends RangeError {
  override readonly name = "BadStatement";
}

/** A member's statement. `key` is its Ed25519, `static` its X25519 public key, 32 bytes each. */
export interface Statement {
  readonly room: string;
  readonly key: Uint8Array;
  readonly incarnation: number;
  readonly static: Uint8Array;
  readonly profileVersion: number;
  /** SHA-256 of the profile's JSON text. */
  readonly profileHash: Uint8Array;
}

/** The proof at join: whoever signs this holds the key now, on this connection to this server. */
export interface Proof {
  readonly origin: string;
  readonly sid: string;
  readonly room: string;
  readonly incarnation: number;
  readonly connection: number;
}

/** The signed statement, as it stands in `join`, in the roster and in handshake message 1. */
export function signStatement(statement: Statement, sign: Sign): Uint8Array<ArrayBuffer> {
  const { room, key, incarnation, static: exchange, profileVersion, profileHash } = statement;
  return signed(
    "statement",
    [encodeUtf8(room), key, integer(incarnation), exchange, integer(profileVersion), profileHash],
    sign,
  );
}

/** The statement in `data` (views of it), its signature checked against the key it names. Throws BadStatement. */
export function readStatement(data: Uint8Array): Statement {
  const [room, key, incarnation, exchange, version, profileHash] = fields(data, 6);
  if (key.length !== 32 || exchange.length !== 32 || profileHash.length !== 32) {
    throw new BadStatement("keys and hashes in a statement have 32 bytes");
  }
  const statement = {
    room: roomName(room),
    key,
    incarnation: number(incarnation),
    static: exchange,
    profileVersion: number(version),
    profileHash,
  };
  verify("statement", data, key);
  return statement;
}

/** The signed proof, as it stands in `join`. */
export function signProof(proof: Proof, sign: Sign): Uint8Array<ArrayBuffer> {
  const { origin, sid, room, incarnation, connection } = proof;
  return signed(
    "proof",
    [encodeUtf8(origin), encodeUtf8(sid), encodeUtf8(room), integer(incarnation), integer(connection)],
    sign,
  );
}

/**
 * The proof in `data`, its signature checked against the Ed25519 public key `key` (32 bytes). Throws BadStatement.
 *
 * The caller compares what the proof says with what it knows.
 */
export function readProof(data: Uint8Array, key: Uint8Array): Proof {
  const [origin, sid, room, incarnation, connection] = fields(data, 5);
  const proof = {
    origin: text(origin),
    sid: text(sid),
    room: roomName(room),
    incarnation: number(incarnation),
    connection: number(connection),
  };
  verify("proof", data, key);
  return proof;
}

function signed(purpose: string, parts: readonly Uint8Array[], sign: Sign): Uint8Array<ArrayBuffer> {
  const body = concatBytes(
    ...parts.flatMap((part) => [Uint8Array.of(part.length >> 8, part.length & 0xff), part]),
  );
  return concatBytes(body, sign(whatIsSigned(purpose, body))) as Uint8Array<ArrayBuffer>;
}

function whatIsSigned(purpose: string, body: Uint8Array): Uint8Array {
  return concatBytes(encodeUtf8(`eitherway/1 ${purpose}\0`), body);
}

function verify(purpose: string, data: Uint8Array, key: Uint8Array): void {
  const body = data.subarray(0, -SIGNATURE);
  let fits = false;
  try {
    fits = ed25519Verify(data.subarray(-SIGNATURE), whatIsSigned(purpose, body), key);
  } catch {
    // no key, or no signature: it does not fit either
  }
  if (!fits) throw new BadStatement(`the signature of the ${purpose} does not fit its key`);
}

type Fields<N extends 5 | 6> = N extends 5
  ? [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array]
  : [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array];

function fields<N extends 5 | 6>(data: Uint8Array, count: N): Fields<N> {
  const view = viewOf(data);
  const end = data.length - SIGNATURE;
  const found: Uint8Array[] = [];
  let at = 0;
  while (found.length < count) {
    if (at + 2 > end) throw new BadStatement("too short");
    const stop = at + 2 + view.getUint16(at);
    if (stop > end) throw new BadStatement("too short");
    found.push(data.subarray(at + 2, stop));
    at = stop;
  }
  if (at !== end) throw new BadStatement("longer than its fields");
  return found as Fields<N>;
}

function integer(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Math.floor(value / U32));
  view.setUint32(4, value >>> 0);
  return bytes;
}

function number(field: Uint8Array): number {
  if (field.length !== 8) throw new BadStatement("a number has 8 bytes");
  const view = viewOf(field);
  const value = view.getUint32(0) * U32 + view.getUint32(4);
  if (value > MAX_INTEGER) throw new BadStatement(`a number is at most ${MAX_INTEGER}`);
  return value;
}

function text(field: Uint8Array): string {
  try {
    return decodeUtf8(field);
  } catch {
    throw new BadStatement("not UTF-8");
  }
}

function roomName(field: Uint8Array): string {
  const name = text(field);
  try {
    return checkRoomName(name);
  } catch (error) {
    throw new BadStatement((error as Error).message);
  }
}
