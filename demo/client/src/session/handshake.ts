/**
 * The handshake of a link (K2, K3): what its two messages say, who may say it, and when the first is due.
 *
 *     message 1:  kind (1) || key id, u32 || Noise message 1 of:
 *                 u16 length || statement || 3 halves || u16 length || settings (MessagePack map) || frames
 *     message 2:  kind (2) || key id, u32 || Noise message 2 of:
 *                 3 halves || u16 length || settings || frames
 *     hint:       kind (4) || key id, u32
 *
 * A half is u64 incarnation || u32 number; the three are the sender's own, the one it is bound to, the one it has ended.
 */

import { concatBytes } from "@noble/hashes/utils.js";
import * as values from "../codec/values.ts";
import {
  FIRST_OVERHEAD,
  Initiator,
  KEY,
  NoiseError,
  PrivateKey,
  Responder,
  SECOND_OVERHEAD,
  type TransportKeys,
} from "../noise.ts";
import { isSame, viewOf } from "../protocol/bytes.ts";
import { MAX_INTEGER, MAX_PACKET } from "../protocol/limits.ts";
import { BadStatement, type Statement, readStatement } from "../protocol/statements.ts";
import { encodeUtf8 } from "../protocol/utf8.ts";
import { type Half, type Halves, NO_HALF } from "./binding.ts";
import { deleteFirst } from "./liveness.ts";

/** The kind of message 1: its first byte. */
export const FIRST = 1;
/** The kind of message 2. */
export const SECOND = 2;
/** The kind of the hint that a key is unknown. */
export const HINT = 4;
/** Message 1s of which the answer is still taken. */
export const KEPT_PENDING = 4;
/** Message 1s of one session that are known again when they come a second time. */
export const KEPT_ANSWERED = 1_024;
/** Bytes that may wait unacknowledged in message 1. */
export const FIRST_FRAMES = 48 * 1_024;
/** Bytes of settings in a handshake message. */
export const MAX_SETTINGS = 4_096;

const HEADER = 5;
const HALF = 12;
const U32 = 2 ** 32;
const NO_HALVES: Halves = { own: NO_HALF, bound: NO_HALF, ended: NO_HALF };

/** So many random bytes, as crypto.getRandomValues gives them. */
export type Random = (size: number) => Uint8Array;

/** A handshake message that is dropped; `reason` is the counter under which it is counted. */
export class HandshakeError extends Error {
  override readonly name = "HandshakeError";
  readonly reason: string;

  constructor(reason: string) {
    super(reason);
    this.reason = reason;
  }
}

/**
 * This side of a link. `key` is Ed25519; `staticPrivate` is the Client's X25519 key; `statement` is signed.
 *
 * Who makes many links hands in one `PrivateKey`, since to make it of its bytes takes as long as an exchange.
 */
export interface Me {
  readonly id: string;
  readonly key: Uint8Array;
  readonly incarnation: number;
  readonly staticPrivate: Uint8Array | PrivateKey;
  readonly statement: Uint8Array;
}

/**
 * The other side, as its statement on the roster shows it. `key` is Ed25519, `static` X25519, 32 bytes each.
 *
 * `statement` is the one that has been checked, as it was signed; null: none has.
 */
export interface Remote {
  readonly id: string;
  readonly key: Uint8Array;
  readonly incarnation: number;
  readonly static: Uint8Array;
  readonly statement: Uint8Array | null;
}

/** What a handshake message says; `frames` is a packet of them, not decoded yet. */
export interface Hello {
  readonly keyId: number;
  readonly halves: Halves;
  readonly settings: values.ValueMap;
  readonly frames: Uint8Array;
}

/**
 * What both sides must agree on before they start: the room, and the responder's Ed25519 key and incarnation.
 *
 * A message 1 therefore opens nowhere else, and not after its responder was restarted.
 */
export function prologue(room: string, key: Uint8Array, incarnation: number): Uint8Array {
  const number = new Uint8Array(8);
  setU64(new DataView(number.buffer), 0, incarnation);
  const fields = [encodeUtf8(room), key, number].map(prefixed);
  return concatBytes(encodeUtf8("eitherway/1"), ...fields);
}

/** The packet that says: I do not have the key of this id. */
export function encodeHint(keyId: number): Uint8Array {
  return header(HINT, keyId);
}

/** The key id in a handshake message or a hint. Throws HandshakeError ("malformed"). */
export function keyIdOf(packet: Uint8Array): number {
  if (packet.length < HEADER) throw new HandshakeError("malformed");
  return new DataView(packet.buffer, packet.byteOffset).getUint32(1);
}

/**
 * The handshakes of one link's current session: begun here and not answered yet, or answered here.
 *
 * It takes the key id (4 bytes), then the ephemeral key (32 bytes) from `random`; for message 2 the latter alone.
 * Where there is an `ephemeral`, it makes that key, perhaps ahead of time, and each one is used once.
 */
export class Handshakes {
  me: Me;
  readonly #room: string;
  readonly #peer: Remote;
  readonly #random: Random;
  readonly #ephemeral: () => PrivateKey;
  readonly #settings: Uint8Array;
  readonly #static: PrivateKey;
  readonly #myPrologue: Uint8Array;
  readonly #theirPrologue: Uint8Array;
  readonly #pending = new Map<number, Initiator>();
  /** The ephemeral keys of the message 1s that were answered, as text. */
  readonly #answered = new Set<string>();

  constructor(
    room: string,
    me: Me,
    peer: Remote,
    settings: values.ValueMap,
    random: Random,
    ephemeral: (() => PrivateKey) | null = null,
  ) {
    this.me = me;
    this.#room = room;
    this.#peer = peer;
    this.#random = random;
    this.#ephemeral = ephemeral ?? (() => new PrivateKey(random(KEY)));
    this.#settings = values.encode(settings);
    if (this.#settings.length > MAX_SETTINGS) {
      throw new RangeError(`the settings of a link have at most ${MAX_SETTINGS} bytes`);
    }
    const mine = me.staticPrivate;
    this.#static = mine instanceof Uint8Array ? new PrivateKey(mine) : mine.forAnother();
    try {
      this.#static.agree(peer.static); // now, while nothing waits for it
    } catch (error) {
      if (!(error instanceof NoiseError)) throw error; // a peer with an impossible S fails when a handshake needs it
    }
    this.#myPrologue = prologue(room, me.key, me.incarnation);
    this.#theirPrologue = prologue(room, peer.key, peer.incarnation);
  }

  /** Bytes of frames that fit into message 1. */
  get roomInFirst(): number {
    return MAX_PACKET - HEADER - FIRST_OVERHEAD - this.#first(new Uint8Array(0), NO_HALVES).length;
  }

  /** Bytes of frames that fit into message 2. */
  get roomInSecond(): number {
    return MAX_PACKET - HEADER - SECOND_OVERHEAD - this.#second(new Uint8Array(0), NO_HALVES).length;
  }

  /** A new message 1, under a key id that is not among the `taken` ones. Throws NoiseError for an impossible S. */
  begin(halves: Halves, frames: Uint8Array, taken: { has(keyId: number): boolean }): Uint8Array {
    let keyId = this.#number();
    while (taken.has(keyId) || this.#pending.has(keyId)) keyId = this.#number();
    const initiator = new Initiator({
      static: this.#static,
      remoteStatic: this.#peer.static,
      ephemeral: this.#ephemeral(),
      prologue: this.#theirPrologue,
    });
    const message = initiator.writeFirst(this.#first(frames, halves));
    this.#pending.set(keyId, initiator);
    if (this.#pending.size > KEPT_PENDING) deleteFirst(this.#pending);
    return concatBytes(header(FIRST, keyId), message);
  }

  /**
   * What message 1 says, if it is from the peer; and what to `answer` it with.
   *
   * Throws HandshakeError ("malformed", "copy", "bad handshake", "bad statement").
   */
  readFirst(packet: Uint8Array): [Hello, Responder] {
    const keyId = keyIdOf(packet);
    const message = packet.subarray(HEADER);
    if (this.#answered.has(ephemeralOf(packet))) throw new HandshakeError("copy");
    const responder = new Responder({ static: this.#static, prologue: this.#myPrologue });
    const payload = new Reader(opened(() => responder.readFirst(message)));
    this.#checkStatement(payload.prefixed(), responder.remoteStatic);
    return [this.#hello(keyId, payload), responder];
  }

  /** Message 2 for the packet `first`, and the keys. That packet is not taken again in this session. */
  answer(first: Uint8Array, responder: Responder, halves: Halves, frames: Uint8Array): [Uint8Array, TransportKeys] {
    const message = responder.writeSecond(this.#second(frames, halves), this.#ephemeral());
    this.#answered.add(ephemeralOf(first));
    if (this.#answered.size > KEPT_ANSWERED) deleteFirst(this.#answered);
    return [concatBytes(header(SECOND, keyIdOf(first)), message), responder.split()];
  }

  /**
   * What message 2 says, and the keys: the handshake is then complete.
   *
   * Throws HandshakeError ("malformed", "unasked answer", "bad handshake").
   */
  readSecond(packet: Uint8Array): [Hello, TransportKeys] {
    const keyId = keyIdOf(packet);
    const initiator = this.#pending.get(keyId);
    if (initiator === undefined) throw new HandshakeError("unasked answer");
    const hello = this.#hello(keyId, new Reader(opened(() => initiator.readSecond(packet.subarray(HEADER)))));
    this.#pending.delete(keyId);
    return [hello, initiator.split()];
  }

  #number(): number {
    const bytes = this.#random(4);
    return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  }

  #first(frames: Uint8Array, halves: Halves): Uint8Array {
    return concatBytes(prefixed(this.me.statement), this.#second(frames, halves));
  }

  #second(frames: Uint8Array, halves: Halves): Uint8Array {
    return concatBytes(encodeHalves(halves), prefixed(this.#settings), frames);
  }

  /** The statement must bind the key that the sender proved to hold to this room and to the peer we know. */
  #checkStatement(data: Uint8Array, staticKey: Uint8Array): void {
    const peer = this.#peer;
    if (peer.statement !== null && isSame(data, peer.statement) && isSame(staticKey, peer.static)) {
      return; // the very one that was checked before the peer was announced
    }
    let statement: Statement;
    try {
      statement = readStatement(data);
    } catch (error) {
      if (!(error instanceof BadStatement)) throw error;
      throw new HandshakeError("bad statement");
    }
    if (
      statement.room !== this.#room ||
      !isSame(statement.key, peer.key) ||
      statement.incarnation !== peer.incarnation ||
      !isSame(statement.static, staticKey)
    ) {
      throw new HandshakeError("bad statement");
    }
  }

  #hello(keyId: number, payload: Reader): Hello {
    const halves = { own: payload.half(), bound: payload.half(), ended: payload.half() };
    const { own } = halves;
    if (own.incarnation !== this.#peer.incarnation || own.number === 0) throw new HandshakeError("malformed");
    const packed = payload.prefixed();
    if (packed.length > MAX_SETTINGS) throw new HandshakeError("malformed");
    let settings: values.Value;
    try {
      settings = values.decode(packed);
    } catch {
      throw new HandshakeError("malformed");
    }
    if (!values.isMap(settings)) throw new HandshakeError("malformed");
    return { keyId, halves, settings, frames: payload.rest() };
  }
}

/** When the next message 1 is due: after 1 s, doubling to 30 s, until a handshake is complete (K3). */
export class Schedule {
  static readonly FIRST_WAIT = 1;
  static readonly LONGEST_WAIT = 30;

  due: number | null = null;
  #last = -Infinity;
  #wait = Schedule.FIRST_WAIT;

  /** A handshake is needed; nothing changes if one is under way. */
  want(now: number): void {
    this.due ??= now;
  }

  /** What came from the peer calls for a message 1, but nobody can make us send more than one a second. */
  wantSoon(now: number): void {
    const soonest = Math.max(now, this.#last + Schedule.FIRST_WAIT);
    this.due = this.due === null ? soonest : Math.min(this.due, soonest);
  }

  /** There is a new way to the peer: what was wanted need not wait any longer. */
  hurry(now: number): void {
    if (this.due !== null) {
      this.due = now;
      this.#wait = Schedule.FIRST_WAIT;
    }
  }

  /** A message 1 went out. */
  sent(now: number): void {
    this.#last = now;
    this.due = now + this.#wait;
    this.#wait = Math.min(2 * this.#wait, Schedule.LONGEST_WAIT);
  }

  /** A handshake is complete. */
  done(): void {
    this.due = null;
    this.#wait = Schedule.FIRST_WAIT;
  }
}

/** Takes the fields of a payload one by one. Throws HandshakeError("malformed") past its end. */
class Reader {
  readonly #data: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(data: Uint8Array) {
    this.#data = data;
    this.#view = viewOf(data);
  }

  /** Where so many bytes begin, which are taken. */
  #take(size: number): number {
    const at = this.#at;
    if (at + size > this.#data.length) throw new HandshakeError("malformed");
    this.#at += size;
    return at;
  }

  prefixed(): Uint8Array {
    const length = this.#view.getUint16(this.#take(2));
    const at = this.#take(length);
    return this.#data.subarray(at, at + length);
  }

  half(): Half {
    const at = this.#take(HALF);
    const incarnation = this.#view.getUint32(at) * U32 + this.#view.getUint32(at + 4);
    if (incarnation > MAX_INTEGER) throw new HandshakeError("malformed");
    return { incarnation, number: this.#view.getUint32(at + 8) };
  }

  rest(): Uint8Array {
    return this.#data.subarray(this.#at);
  }
}

function opened(read: () => Uint8Array): Uint8Array {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof NoiseError)) throw error;
    throw new HandshakeError("bad handshake");
  }
}

/** The ephemeral key with which a message 1 begins, as text. */
function ephemeralOf(packet: Uint8Array): string {
  return packet.subarray(HEADER, HEADER + KEY).join();
}

function header(kind: number, keyId: number): Uint8Array {
  const packet = new Uint8Array(HEADER);
  const view = new DataView(packet.buffer);
  view.setUint8(0, kind);
  view.setUint32(1, keyId);
  return packet;
}

function encodeHalves({ own, bound, ended }: Halves): Uint8Array {
  const bytes = new Uint8Array(3 * HALF);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const half of [own, bound, ended]) {
    setU64(view, at, half.incarnation);
    view.setUint32(at + 8, half.number);
    at += HALF;
  }
  return bytes;
}

function setU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, Math.floor(value / U32));
  view.setUint32(at + 4, value >>> 0);
}

function prefixed(field: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(2 + field.length);
  new DataView(bytes.buffer).setUint16(0, field.length);
  bytes.set(field, 2);
  return bytes;
}
