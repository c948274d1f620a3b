/**
 * Sealed packets (K4): what travels on the relay once a handshake is complete.
 *
 * A packet is `kind (3) || key id, u32 || counter, u32 || ciphertext || tag`; the first nine bytes are the associated
 * data. Each direction has its own key and its own counter from 0, and the nonce is Noise's for ChaChaPoly: four zero
 * bytes, then the counter as 64 bits, little-endian. What is sent again is sealed again, so no nonce is used twice.
 */

import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { TAG, type TransportKeys } from "../noise.ts";
import { viewOf } from "../protocol/bytes.ts";
import { deleteFirst } from "./liveness.ts";

/** The kind of a sealed packet: its first byte. */
export const SEALED = 3;
/** A packet this much older than the newest one is taken for a copy. */
export const REPLAY_WINDOW = 1_024;
/** Keys of one session with which packets are still opened. */
export const KEPT_KEYS = 4;
/** Packets after which a key is to be replaced ... */
export const RENEW_PACKETS = 2 ** 22;
/** ... or its age. */
export const RENEW_SECONDS = 3_600;
/** Packets after which a key seals no more. */
export const MAX_PACKETS = 2 ** 24;

const HEADER = 9;
/** Bytes that a sealed packet is longer than its frames. */
export const OVERHEAD = HEADER + TAG;

/** A sealed packet that is dropped; `reason` is the counter under which it is counted. */
export class SealError extends Error {
  override readonly name: string = "SealError";
  readonly reason: string;

  constructor(reason: string) {
    super(reason);
    this.reason = reason;
  }
}

/**
 * A packet that does not open with the key it names, or names none that we have: worth a hint to its sender.
 *
 * Both sides may hold different keys under one number, if a message 1 was doubled and each copy answered.
 */
export class WrongKey extends SealError {
  override readonly name = "WrongKey";
  readonly keyId: number;

  constructor(reason: string, keyId: number) {
    super(reason);
    this.keyId = keyId;
  }
}

/** Which of the last 1,024 counters of one key have been seen. */
export class ReplayWindow {
  #newest = -1;
  /** By the counter modulo the window: 1 if it has been seen. */
  readonly #seen = new Uint8Array(REPLAY_WINDOW);

  /** Whether a packet with this counter may be opened: not seen yet and not too old. */
  isNew(counter: number): boolean {
    const age = this.#newest - counter;
    return age < 0 || (age < REPLAY_WINDOW && this.#seen[counter % REPLAY_WINDOW] === 0);
  }

  /** Remember a packet that opened: only then, or a forged counter would shut out true ones. */
  mark(counter: number): void {
    const seen = this.#seen;
    const ahead = counter - this.#newest;
    if (ahead >= REPLAY_WINDOW) seen.fill(0);
    else for (let skipped = 1; skipped < ahead; skipped++) seen[(this.#newest + skipped) % REPLAY_WINDOW] = 0;
    if (ahead > 0) this.#newest = counter;
    seen[counter % REPLAY_WINDOW] = 1;
  }
}

/** One completed handshake's keys, for both directions. */
export class Key {
  readonly id: number;
  sealed = 0;
  readonly made: number;
  readonly #seal: Uint8Array;
  readonly #open: Uint8Array;
  readonly #window = new ReplayWindow();

  constructor(keyId: number, keys: TransportKeys, now: number) {
    this.id = keyId;
    this.made = now;
    this.#seal = keys.send;
    this.#open = keys.receive;
  }

  /** Whether it must seal no more. */
  get exhausted(): boolean {
    return this.sealed >= MAX_PACKETS;
  }

  /** When it is too old, however little it has sealed. */
  get renewAt(): number {
    return this.made + RENEW_SECONDS;
  }

  /** Whether a new handshake is due. */
  needsRenewal(now: number): boolean {
    return this.sealed >= RENEW_PACKETS || now >= this.renewAt;
  }

  /** The packet with these frames. Throws SealError if the key is exhausted. */
  seal(frames: Uint8Array): Uint8Array {
    const counter = this.sealed;
    if (counter >= MAX_PACKETS) throw new SealError("exhausted key");
    this.sealed = counter + 1;
    const packet = new Uint8Array(OVERHEAD + frames.length);
    const view = viewOf(packet);
    view.setUint8(0, SEALED);
    view.setUint32(1, this.id);
    view.setUint32(5, counter);
    chacha20poly1305(this.#seal, nonceOf(counter), packet.subarray(0, HEADER)).encrypt(frames, packet.subarray(HEADER));
    return packet;
  }

  /** The frames in the packet. Throws SealError ("replay") or WrongKey ("bad seal"). */
  open(counter: number, packet: Uint8Array): Uint8Array {
    if (!this.#window.isNew(counter)) throw new SealError("replay");
    let frames: Uint8Array;
    try {
      const cipher = chacha20poly1305(this.#open, nonceOf(counter), packet.subarray(0, HEADER));
      frames = cipher.decrypt(packet.subarray(HEADER));
    } catch {
      throw new WrongKey("bad seal", this.id);
    }
    this.#window.mark(counter);
    return frames;
  }
}

/** The last four keys of one session: it seals with the latest and opens with any (K3). */
export class KeyRing {
  readonly #keys = new Map<number, Key>();
  latest: Key | null = null;

  /** Whether a key of this id is here. */
  has(keyId: number): boolean {
    return this.#keys.has(keyId);
  }

  /** A handshake is complete: seal with its key from now on, and forget the fifth-last. */
  add(keyId: number, keys: TransportKeys, now: number): void {
    this.latest = new Key(keyId, keys, now);
    this.#keys.delete(keyId); // so that it is the last in order
    this.#keys.set(keyId, this.latest);
    if (this.#keys.size > KEPT_KEYS) deleteFirst(this.#keys);
  }

  /** The frames in a sealed packet. Throws SealError ("malformed", "replay") or WrongKey. */
  open(packet: Uint8Array): Uint8Array {
    if (packet.length < OVERHEAD || packet[0] !== SEALED) throw new SealError("malformed");
    const view = viewOf(packet);
    const keyId = view.getUint32(1);
    const key = this.#keys.get(keyId);
    if (key === undefined) throw new WrongKey("unknown key", keyId);
    return key.open(view.getUint32(5), packet);
  }
}

function nonceOf(counter: number): Uint8Array {
  const nonce = new Uint8Array(12);
  new DataView(nonce.buffer).setUint32(4, counter, true);
  return nonce;
}
