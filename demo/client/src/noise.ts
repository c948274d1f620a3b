/**
 * Noise_IK_25519_ChaChaPoly_SHA256 (Noise Protocol Framework, revision 34) on the noble libraries.
 *
 * Only the one pattern that links use (K2), so that there is nothing to choose and nothing to get wrong:
 *
 *     <- s
 *     ...
 *     -> e, es, s, ss
 *     <- e, ee, se
 *
 * Private and public keys are raw 32 bytes; a private one that is used again may be given as a `PrivateKey`. A message
 * that does not fit changes nothing: the next one may still succeed.
 */

import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { concatBytes } from "@noble/hashes/utils.js";
import { x25519, x25519Key } from "./curves.ts";
import { isSame } from "./protocol/bytes.ts";
import { encodeUtf8 } from "./protocol/utf8.ts";

/** Bytes in a key of X25519 or ChaCha20-Poly1305. */
export const KEY = 32;
/** Bytes that sealing adds. */
export const TAG = 16;
/** Bytes that message 1 is longer than its payload: e, sealed s, tag. */
export const FIRST_OVERHEAD = KEY + KEY + TAG + TAG;
/** Bytes that message 2 is longer than its payload: e, tag. */
export const SECOND_OVERHEAD = KEY + TAG;
/** Bytes in a Noise message (section 3). */
export const MAX_MESSAGE = 65_535;

// Exactly HASHLEN bytes: it is the first hash as it stands (section 5.2).
const NAME = encodeUtf8("Noise_IK_25519_ChaChaPoly_SHA256");
// In IK each key made by mixKey seals once, so the handshake's counter is always 0.
const NONCE = new Uint8Array(12);
const NOTHING = new Uint8Array(0);

/** A handshake message that is malformed, forged or meant for other keys. */
export class NoiseError extends RangeError {
  override readonly name = "NoiseError";
}

/** What a handshake leaves: a key for each direction, and the hash that both sides share (section 5.2, Split). */
export interface TransportKeys {
  readonly send: Uint8Array;
  readonly receive: Uint8Array;
  readonly hash: Uint8Array;
}

/** The X25519 public key of a private one. */
export function publicKey(privateKey: Uint8Array): Uint8Array {
  return x25519Key(privateKey);
}

/**
 * An X25519 private key ready for use: to make its public key takes as long as an exchange.
 *
 * It remembers what it has agreed on with one other static key, so that it can be done before it is urgent.
 */
export class PrivateKey {
  /** The public key, 32 bytes. */
  readonly public: Uint8Array;
  readonly #key: Uint8Array;
  #agreed: { readonly with: Uint8Array; readonly secret: Uint8Array } | null = null;

  constructor(privateKey: Uint8Array, publicPart: Uint8Array = publicKey(privateKey)) {
    this.#key = privateKey;
    this.public = publicPart;
  }

  /** The same key, with a memory of its own: for use with another static key. */
  forAnother(): PrivateKey {
    return new PrivateKey(this.#key, this.public);
  }

  /** The secret shared with `publicKey`. Throws NoiseError for a key of small order. */
  exchange(publicKey: Uint8Array): Uint8Array {
    return exchange(this.#key, publicKey);
  }

  /** As `exchange`, and remembered. */
  agree(publicKey: Uint8Array): Uint8Array {
    if (this.#agreed === null || !isSame(this.#agreed.with, publicKey)) {
      this.#agreed = { with: new Uint8Array(publicKey), secret: this.exchange(publicKey) };
    }
    return this.#agreed.secret;
  }
}

/** The side that writes message 1, and so must know the other's static key. */
export class Initiator {
  readonly #static: PrivateKey;
  readonly #remoteStatic: Uint8Array;
  readonly #ephemeral: PrivateKey;
  #state: Symmetric;

  constructor(keys: {
    static: Uint8Array | PrivateKey;
    remoteStatic: Uint8Array;
    ephemeral: Uint8Array | PrivateKey;
    prologue: Uint8Array;
  }) {
    this.#static = ready(keys.static);
    this.#remoteStatic = keys.remoteStatic;
    this.#ephemeral = ready(keys.ephemeral);
    this.#state = Symmetric.begin(keys.prologue, keys.remoteStatic);
  }

  /** Message 1. Throws NoiseError if the other's static key is no key or the payload is too long. */
  writeFirst(payload: Uint8Array): Uint8Array<ArrayBuffer> {
    const state = this.#state.copy();
    const ephemeral = this.#ephemeral.public;
    state.mixHash(ephemeral);
    state.mixKey(this.#ephemeral.exchange(this.#remoteStatic));
    const sealedStatic = state.seal(this.#static.public);
    state.mixKey(this.#static.agree(this.#remoteStatic));
    const message = concatBytes(ephemeral, sealedStatic, state.seal(payload)) as Uint8Array<ArrayBuffer>;
    checkSize(message);
    this.#state = state;
    return message;
  }

  /** The payload of message 2. Throws NoiseError. */
  readSecond(message: Uint8Array): Uint8Array {
    checkSize(message, SECOND_OVERHEAD);
    const state = this.#state.copy();
    const ephemeral = message.subarray(0, KEY);
    state.mixHash(ephemeral);
    state.mixKey(this.#ephemeral.exchange(ephemeral));
    state.mixKey(this.#static.exchange(ephemeral));
    const payload = state.open(message.subarray(KEY));
    this.#state = state;
    return payload;
  }

  /** The keys, once message 2 was read. */
  split(): TransportKeys {
    const [first, second] = this.#state.split();
    return { send: first, receive: second, hash: this.#state.hash };
  }
}

/** The side that reads message 1. */
export class Responder {
  readonly #static: PrivateKey;
  #remoteStatic: Uint8Array = NOTHING;
  #remoteEphemeral: Uint8Array = NOTHING;
  #state: Symmetric;

  constructor(keys: { static: Uint8Array | PrivateKey; prologue: Uint8Array }) {
    this.#static = ready(keys.static);
    this.#state = Symmetric.begin(keys.prologue, this.#static.public);
  }

  /** The static key that the other has proved to hold, once message 1 was read. */
  get remoteStatic(): Uint8Array {
    return this.#remoteStatic;
  }

  /** The payload of message 1. Throws NoiseError. */
  readFirst(message: Uint8Array): Uint8Array {
    checkSize(message, FIRST_OVERHEAD);
    const state = this.#state.copy();
    const ephemeral = new Uint8Array(message.subarray(0, KEY));
    state.mixHash(ephemeral);
    state.mixKey(this.#static.exchange(ephemeral));
    const remoteStatic = state.open(message.subarray(KEY, 2 * KEY + TAG));
    state.mixKey(this.#static.agree(remoteStatic));
    const payload = state.open(message.subarray(2 * KEY + TAG));
    this.#state = state;
    this.#remoteEphemeral = ephemeral;
    this.#remoteStatic = remoteStatic;
    return payload;
  }

  /** Message 2, once message 1 was read; `ephemeral` is a new private key. Throws NoiseError. */
  writeSecond(payload: Uint8Array, ephemeral: Uint8Array | PrivateKey): Uint8Array<ArrayBuffer> {
    const state = this.#state.copy();
    const key = ready(ephemeral);
    state.mixHash(key.public);
    state.mixKey(key.exchange(this.#remoteEphemeral));
    state.mixKey(key.exchange(this.#remoteStatic));
    const message = concatBytes(key.public, state.seal(payload)) as Uint8Array<ArrayBuffer>;
    checkSize(message);
    this.#state = state;
    return message;
  }

  /** The keys, once message 2 was written. */
  split(): TransportKeys {
    const [first, second] = this.#state.split();
    return { send: second, receive: first, hash: this.#state.hash };
  }
}

/** Noise's SymmetricState with its CipherState (sections 5.1 and 5.2). */
class Symmetric {
  hash = NAME as Uint8Array;
  #chainingKey = NAME as Uint8Array;
  #key = NOTHING as Uint8Array;

  static begin(prologue: Uint8Array, responderStatic: Uint8Array): Symmetric {
    const state = new Symmetric();
    state.mixHash(prologue);
    state.mixHash(responderStatic);
    return state;
  }

  copy(): Symmetric {
    const state = new Symmetric();
    state.hash = this.hash;
    state.#chainingKey = this.#chainingKey;
    state.#key = this.#key;
    return state;
  }

  mixHash(data: Uint8Array): void {
    this.hash = sha256(concatBytes(this.hash, data));
  }

  mixKey(material: Uint8Array): void {
    [this.#chainingKey, this.#key] = hkdf(this.#chainingKey, material);
  }

  seal(plaintext: Uint8Array): Uint8Array {
    const ciphertext = chacha20poly1305(this.#key, NONCE, this.hash).encrypt(plaintext);
    this.mixHash(ciphertext);
    return ciphertext;
  }

  open(ciphertext: Uint8Array): Uint8Array {
    let plaintext: Uint8Array;
    try {
      plaintext = chacha20poly1305(this.#key, NONCE, this.hash).decrypt(ciphertext);
    } catch {
      throw new NoiseError("a handshake message that does not open with these keys");
    }
    this.mixHash(ciphertext);
    return plaintext;
  }

  split(): [Uint8Array, Uint8Array] {
    return hkdf(this.#chainingKey, NOTHING);
  }
}

/** Two outputs of Noise's HKDF (section 4.3; RFC 5869). */
function hkdf(chainingKey: Uint8Array, material: Uint8Array): [Uint8Array, Uint8Array] {
  const secret = hmac(sha256, chainingKey, material);
  const first = hmac(sha256, secret, Uint8Array.of(1));
  return [first, hmac(sha256, secret, concatBytes(first, Uint8Array.of(2)))];
}

function ready(key: Uint8Array | PrivateKey): PrivateKey {
  return key instanceof PrivateKey ? key : new PrivateKey(key);
}

/** X25519 (RFC 7748), an all-zero result refused: a key of small order would let anybody know the secret. */
function exchange(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array {
  let secret: Uint8Array;
  try {
    secret = x25519(privateKey, publicKey);
  } catch {
    throw new NoiseError("a public key of small order"); // what noble throws for an all-zero result
  }
  if (secret.every((byte) => byte === 0)) throw new NoiseError("a public key of small order");
  return secret;
}

function checkSize(message: Uint8Array, least = 0): void {
  if (message.length < least || message.length > MAX_MESSAGE) {
    throw new NoiseError(`a handshake message of ${message.length} bytes`);
  }
}
