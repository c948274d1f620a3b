/** Who a program is: its Ed25519 key, and the incarnations it has had in each room (K1, V1). */

import { ed25519Key, ed25519Sign } from "./curves.ts";
import { EitherwayError } from "./errors.ts";
import { peerId } from "./protocol/ids.ts";
import { MAX_INTEGER } from "./protocol/limits.ts";

/** An identity that can't be used; the message says what to do. */
export class BadIdentity extends EitherwayError {
  override readonly name = "BadIdentity";
}

/** Where incarnations are kept beside a key, by the names of rooms. Both must be done when they return. */
export interface Incarnations {
  /** Those that were kept, also by another program with the same key. */
  load(): ReadonlyMap<string, number>;
  /** Keep these instead. */
  save(incarnations: ReadonlyMap<string, number>): void;
}

/**
 * An Ed25519 key and its incarnations.
 *
 * `Identity.generate()` is for this run. To be the same peer in the next run, keep `seed` somewhere private, and give it
 * back: `new Identity(seed)`. A browser's page does that by itself: see `claimPageIdentity`.
 */
export class Identity {
  /** The private key, 32 bytes (RFC 8032's seed): whoever has it is this peer. */
  readonly seed: Uint8Array;
  /** The public key, 32 bytes. */
  readonly key: Uint8Array;
  /** The peer's id, 32 characters. */
  readonly id: string;
  readonly #incarnations = new Map<string, number>();
  readonly #kept: Incarnations | null;

  /** `kept`: where incarnations last; without it as long as this object. Throws BadIdentity if the seed is none. */
  constructor(seed: Uint8Array, kept: Incarnations | null = null) {
    if (!(seed instanceof Uint8Array) || seed.length !== 32) {
      throw new BadIdentity("an identity's seed is a Uint8Array of 32 bytes: keep that of Identity.generate()");
    }
    this.seed = new Uint8Array(seed); // a Buffer's slice would copy nothing
    this.key = ed25519Key(this.seed);
    this.id = peerId(this.key);
    this.#kept = kept;
  }

  /** A new identity that lasts as long as the program, unless its seed is kept. */
  static generate(): Identity {
    return new Identity(crypto.getRandomValues(new Uint8Array(32)));
  }

  /** The Ed25519 signature, 64 bytes (RFC 8032). */
  sign(data: Uint8Array): Uint8Array {
    return ed25519Sign(data, this.seed);
  }

  /**
   * A number higher than any this identity has had in the room (V1): max(clock, stored + 1, above + 1).
   *
   * `clockMs` is the wall clock in milliseconds; `above` is the incarnation that a server already holds for us. The
   * number is stored before it is returned, so a crash or a clock set back never repeats it. Throws BadIdentity.
   */
  nextIncarnation(room: string, clockMs: number, above = 0): number {
    for (const [other, stored] of this.#kept?.load() ?? []) {
      this.#incarnations.set(other, Math.max(stored, this.#incarnations.get(other) ?? 0));
    }
    const incarnation = Math.max(Math.floor(clockMs), (this.#incarnations.get(room) ?? 0) + 1, above + 1);
    if (incarnation > MAX_INTEGER) {
      throw new BadIdentity(`the incarnation ${incarnation} of this identity is beyond ${MAX_INTEGER}: use a new one`);
    }
    this.#incarnations.set(room, incarnation);
    this.#kept?.save(this.#incarnations);
    return incarnation;
  }
}
