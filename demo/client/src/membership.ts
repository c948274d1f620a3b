/** What this program states about itself in one room: its statement, its proof, its profile (K1, V1). */

import { sha256 } from "@noble/hashes/sha2.js";

import { x25519Key } from "./curves.ts";
import type { Identity } from "./identity.ts";
import type { Join, Profile as ProfileEvent } from "./protocol/events.ts";
import { fromText, toText } from "./protocol/ids.ts";
import { MAX_PROFILE } from "./protocol/limits.ts";
import { readStatement, signProof, signStatement, type Statement } from "./protocol/statements.ts";
import { encodeUtf8 } from "./protocol/utf8.ts";

/** What a program says of itself in a room: an object of JSON values. */
export type Profile = { readonly [name: string]: unknown };

/** One program in one room. `static` is the client's X25519 private key (32 bytes), made anew for each program. */
export class Membership {
  readonly identity: Identity;
  readonly static: Uint8Array;
  readonly room: string;
  incarnation: number;
  profile: Profile;
  /** The signed statement as it is now. */
  statement: Uint8Array;
  #profileText: string;
  #profileVersion = 1;

  /** Throws TypeError or RangeError if this cannot be a profile. */
  constructor(identity: Identity, staticKey: Uint8Array, room: string, profile: Profile) {
    this.#profileText = profileText(profile);
    this.identity = identity;
    this.static = staticKey;
    this.room = room;
    this.incarnation = identity.nextIncarnation(room, Date.now());
    this.profile = { ...profile };
    this.statement = this.#state();
  }

  /** The `join` event for one connection. */
  join({ origin, sid, connection }: { origin: string; sid: string; connection: number }): Join {
    const { room, incarnation } = this;
    const proof = { origin, sid, room, incarnation, connection };
    return {
      room,
      peer: this.identity.id,
      key: toText(this.identity.key),
      incarnation,
      connection,
      statement: toText(this.statement),
      proof: toText(signProof(proof, (data) => this.identity.sign(data))),
      profile: this.#profileText,
    };
  }

  /** Replace the profile; the event tells the server. Throws TypeError or RangeError if it cannot be one. */
  setProfile(profile: Profile): ProfileEvent {
    this.#profileText = profileText(profile);
    this.profile = { ...profile };
    this.#profileVersion += 1;
    this.statement = this.#state();
    return { room: this.room, profile: this.#profileText, statement: toText(this.statement) };
  }

  /**
   * Take the incarnation after that of the statement the server holds for this id (V1).
   *
   * Only a program that has not yet been in this room may: its clock was behind. False if there is no such statement,
   * or it is not ours.
   */
  outbid(held: string | null): boolean {
    let statement: Statement;
    try {
      statement = readStatement(fromText(held ?? ""));
    } catch {
      return false;
    }
    if (toText(statement.key) !== toText(this.identity.key) || statement.room !== this.room) return false;
    this.incarnation = this.identity.nextIncarnation(this.room, Date.now(), statement.incarnation);
    this.statement = this.#state();
    return true;
  }

  #state(): Uint8Array {
    const statement = {
      room: this.room,
      key: this.identity.key,
      incarnation: this.incarnation,
      static: x25519Key(this.static),
      profileVersion: this.#profileVersion,
      profileHash: sha256(encodeUtf8(this.#profileText)),
    };
    return signStatement(statement, (data) => this.identity.sign(data));
  }
}

/**
 * A profile as its JSON text, which is what is hashed and signed.
 *
 * Throws TypeError if it is not an object of JSON values, RangeError if it is larger than 4,096 bytes.
 */
export function profileText(profile: Profile): string {
  checkJson(profile, "profile", new Set());
  const text = JSON.stringify(profile);
  if (typeof profile !== "object" || profile === null || !text.startsWith("{")) {
    throw new TypeError("a profile is an object of JSON values");
  }
  const size = encodeUtf8(text).length;
  if (size > MAX_PROFILE) {
    throw new RangeError(`a profile has at most ${MAX_PROFILE} bytes of JSON; this one has ${size}`);
  }
  return text;
}

/** A peer's profile from its JSON text; whatever else it wrote there is no profile. */
export function readProfile(text: string): Profile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return {};
  }
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Profile) : {};
}

/** JSON.stringify makes null of what is no JSON, or leaves it out; the peers would see something else. */
function checkJson(value: unknown, place: string, above: Set<unknown>): void {
  if (value === null || typeof value === "boolean" || Number.isFinite(value)) return;
  if (typeof value === "string") {
    if (/\p{Surrogate}/u.test(value)) throw new TypeError(`a profile is JSON, but ${place} is not valid Unicode`);
    return;
  }
  const prototype: unknown = typeof value === "object" ? Object.getPrototypeOf(value) : undefined;
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) {
    throw new TypeError(`a profile is an object of JSON values, but ${place} is ${String(value)}`);
  }
  if (above.has(value)) throw new TypeError(`a profile is JSON, but ${place} contains itself`);
  above.add(value);
  for (const [name, item] of Object.entries(value as object)) {
    if (item !== undefined || Array.isArray(value)) checkJson(item, `${place}.${name}`, above);
  }
  above.delete(value);
}
