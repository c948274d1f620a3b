/**
 * What this program believes about one room's members (V1, V2). No input or output, no clock.
 *
 * The server says who is there; what a member is, it has to say itself, in a signed statement. So two pictures are
 * kept: `#told`, the roster as the server tells it, and the members that have been announced. Replies to `join` and
 * deltas change the first, and `nextEvent` brings the second in line, one member at a time: checking a signature takes
 * milliseconds, and whoever has a large roster before him may do something else between two events.
 */

import { sha256 } from "@noble/hashes/sha2.js";

import { type GuestEvent, Guests } from "./guests.ts";
import { isSame } from "./protocol/bytes.ts";
import type * as wire from "./protocol/events.ts";
import { fromText, isGuest, peerId } from "./protocol/ids.ts";
import { BadStatement, readStatement, type Statement } from "./protocol/statements.ts";
import { encodeUtf8 } from "./protocol/utf8.ts";
import type { Remote } from "./session/handshake.ts";

/** A member whose statement has been checked. `user` and `attributes` are the server's word. */
export interface RosterMember {
  readonly id: string;
  readonly key: Uint8Array;
  readonly incarnation: number;
  readonly static: Uint8Array;
  readonly profile: string;
  readonly profileVersion: number;
  readonly statement: string;
  readonly connection: number;
  readonly away: boolean;
  readonly user: string | null;
  readonly attributes: { readonly [name: string]: unknown };
}

/** What a handshake with a member needs. */
export function remoteOf(member: RosterMember): Remote {
  const { id, key, incarnation } = member;
  return { id, key, incarnation, static: member.static, statement: fromText(member.statement) };
}

/** A member, or a new incarnation of one; it may be away. */
export interface PeerAppeared {
  readonly type: "PeerAppeared";
  readonly member: RosterMember;
}

/** A member is gone for good. */
export interface PeerVanished {
  readonly type: "PeerVanished";
  readonly id: string;
  readonly reason: wire.LeftReason;
}

/** A member has another profile (JSON text), or other attributes. */
export interface PeerChanged {
  readonly type: "PeerChanged";
  readonly id: string;
  readonly profile: string;
  readonly attributes: { readonly [name: string]: unknown };
}

/** A member's connection dropped; it may come back. */
export interface PeerWentAway {
  readonly type: "PeerWentAway";
  readonly id: string;
}

/** A member has a new connection, whether it was away or not. */
export interface PeerCameBack {
  readonly type: "PeerCameBack";
  readonly id: string;
  readonly connection: number;
}

/** What the server shows of this id is not what its owner signed: it is not believed. */
export interface BadMember {
  readonly type: "BadMember";
  readonly id: string;
  readonly why: string;
}

/** A delta is missing: only the reply to a new `join` tells how things stand. */
export interface MustJoinAgain {
  readonly type: "MustJoinAgain";
}

/** What happened in a room, told apart by its `type`. */
export type RosterEvent =
  | PeerAppeared
  | PeerVanished
  | PeerChanged
  | PeerWentAway
  | PeerCameBack
  | BadMember
  | MustJoinAgain
  | GuestEvent;

/** One room's roster, as seen by the member `me`. */
export class RosterCore {
  /** How often the server showed what was not believed, by why. */
  readonly bad = new Map<string, number>();
  readonly guests = new Guests();
  readonly #room: string;
  readonly #me: string;
  #version: number | null = null;
  #told = new Map<string, wire.Member>();
  readonly #members = new Map<string, RosterMember>();
  readonly #unsettled = new Set<string>();
  readonly #left = new Map<string, wire.LeftReason>();
  readonly #absent = new Map<string, number>();
  readonly #events: RosterEvent[] = [];
  #asked = false;

  constructor(room: string, me: string) {
    this.#room = room;
    this.#me = me;
  }

  /** Whether there was a reply to `join` yet. */
  get joined(): boolean {
    return this.#version !== null;
  }

  /** The member as it was last announced; undefined: there is none. */
  member(id: string): RosterMember | undefined {
    return this.#members.get(id);
  }

  // ---- what the server tells

  /**
   * The reply to `join`, the first or a later one.
   *
   * Members that a later one does not show have left, if the server remembers us (`resumed`). If not, it was
   * restarted, and they have the grace time to find it again: its first visitor must not think everyone gone.
   */
  receiveJoined(joined: wire.Joined, now: number): void {
    this.#version = joined.version;
    this.#asked = false;
    this.#told = new Map();
    for (const member of joined.peers) if (this.#counts(member.id)) this.#told.set(member.id, member);
    for (const id of this.#members.keys()) {
      if (this.#told.has(id) || this.#absent.has(id)) continue;
      if (joined.resumed) this.#left.set(id, "lost");
      else this.#absent.set(id, now + joined.limits.grace);
    }
    for (const id of [...this.#told.keys(), ...this.#members.keys()]) this.#unsettled.add(id);
    this.#events.push(...this.guests.receiveJoined(joined.peers));
  }

  /** What changed between two versions. One that is known is ignored, and so is one after a gap. */
  receiveDelta(delta: wire.Roster, _now: number): void {
    if (this.#version === null || delta.version <= this.#version) return;
    if (delta.base > this.#version) {
      if (!this.#asked) {
        this.#asked = true;
        this.#events.push({ type: "MustJoinAgain" });
      }
      return;
    }
    const known = this.#version - delta.base;
    this.#version = delta.version;
    for (const change of delta.changes) this.#apply(change);
    this.#events.push(...this.guests.receiveChanges(delta.changes.slice(known)));
  }

  #apply(change: wire.Change): void {
    const id = change.change === "peer-joined" ? change.member.id : change.id;
    if (!this.#counts(id)) return;
    // The first changes of a delta may be part of the reply to `join` already. Only what comes out in the end
    // counts: a member that left and joined again must not be announced as gone.
    const told = this.#told.get(id);
    if (change.change === "peer-joined") {
      this.#told.set(id, change.member);
    } else if (change.change === "peer-left") {
      this.#told.delete(id);
      this.#left.set(id, change.reason);
    } else if (told !== undefined) {
      this.#told.set(id, changed(told, change));
    }
    this.#unsettled.add(id);
  }

  #counts(id: string): boolean {
    return id !== this.#me && !isGuest(id);
  }

  // ---- time and events

  /** When `handleTimeout` is to be called; null: never. */
  nextTimeout(): number | null {
    return this.#absent.size === 0 ? null : Math.min(...this.#absent.values());
  }

  /** Members that have not found a restarted server within the grace time are gone. */
  handleTimeout(now: number): void {
    for (const [id, until] of this.#absent) {
      if (until > now) continue;
      this.#absent.delete(id);
      this.#left.set(id, "lost");
      this.#unsettled.add(id);
    }
  }

  /** What happened, in order; null: nothing more. Each call checks one statement at most, or none. */
  nextEvent(): RosterEvent | null {
    for (const id of this.#unsettled) {
      if (this.#events.length > 0) break;
      this.#unsettled.delete(id);
      this.#settle(id);
    }
    return this.#events.shift() ?? null;
  }

  /** Bring what has been announced of one member in line with what the server tells. */
  #settle(id: string): void {
    const told = this.#told.get(id);
    const known = this.#members.get(id);
    if (told === undefined) {
      this.#settleMissing(id, known);
      return;
    }
    this.#absent.delete(id);
    this.#left.delete(id);
    let believed = known;
    if (known === undefined || told.statement !== known.statement || told.profile !== known.profile) {
      try {
        believed = this.#check(told, known);
      } catch (error) {
        if (!(error instanceof Unbelievable)) throw error;
        this.#disbelieve(id, error.message);
      }
    }
    if (believed === undefined) return;
    const { connection, away, user, attributes } = told;
    const member = { ...believed, connection, away, user, attributes };
    this.#members.set(id, member);
    if (known === undefined) {
      this.#events.push({ type: "PeerAppeared", member });
    } else if (member.incarnation !== known.incarnation) {
      this.#events.push({ type: "PeerVanished", id, reason: "restarted" }, { type: "PeerAppeared", member });
    } else {
      this.#compare(known, member);
    }
  }

  #settleMissing(id: string, known: RosterMember | undefined): void {
    const reason = this.#left.get(id);
    this.#left.delete(id);
    if (known === undefined) return;
    if (reason !== undefined) {
      this.#absent.delete(id);
      this.#members.delete(id);
      this.#events.push({ type: "PeerVanished", id, reason });
    } else if (!known.away) {
      this.#members.set(id, { ...known, away: true });
      this.#events.push({ type: "PeerWentAway", id });
    }
  }

  /** Announce how the same incarnation differs. */
  #compare(known: RosterMember, member: RosterMember): void {
    const { id, profile, connection, attributes } = member;
    if (profile !== known.profile || JSON.stringify(attributes) !== JSON.stringify(known.attributes)) {
      this.#events.push({ type: "PeerChanged", id, profile, attributes });
    }
    if (member.away && !known.away) this.#events.push({ type: "PeerWentAway", id });
    else if (!member.away && (known.away || connection !== known.connection)) {
      this.#events.push({ type: "PeerCameBack", id, connection });
    }
  }

  // ---- statements

  /** The member, if its statement says of it what the server shows. Throws Unbelievable. */
  #check(told: wire.Member, known: RosterMember | undefined): RosterMember {
    const statement = this.#read(told);
    if (known !== undefined) {
      const newer = statement.incarnation - known.incarnation || statement.profileVersion - known.profileVersion;
      if (newer < 0 || (newer === 0 && told.statement !== known.statement)) {
        throw new Unbelievable("an older statement");
      }
    }
    const { id, profile, connection, away, user, attributes } = told;
    const { key, incarnation, profileVersion } = statement;
    const stated = { key, incarnation, static: statement.static, profileVersion, statement: told.statement };
    return { id, ...stated, profile, connection, away, user, attributes };
  }

  #read(told: wire.Member): Statement {
    const key = decoded(told.key);
    const signed = decoded(told.statement);
    let statement: Statement;
    try {
      statement = readStatement(signed);
    } catch (error) {
      if (!(error instanceof BadStatement)) throw error;
      throw new Unbelievable(error.message);
    }
    if (!isSame(statement.key, key) || peerId(key) !== told.id) throw new Unbelievable("the statement of another id");
    if (statement.room !== this.#room) throw new Unbelievable("a statement for another room");
    if (!isSigned(told.profile, statement)) throw new Unbelievable("a profile that was not signed");
    return statement;
  }

  #disbelieve(id: string, why: string): void {
    this.bad.set(why, (this.bad.get(why) ?? 0) + 1);
    this.#events.push({ type: "BadMember", id, why });
  }
}

/** A member is not what the server shows; the words say why. */
class Unbelievable extends Error {}

function changed(told: wire.Member, change: wire.PeerUpdated | wire.PeerAway | wire.PeerBack): wire.Member {
  switch (change.change) {
    case "peer-updated":
      return {
        ...told,
        profile: change.profile,
        statement: change.statement,
        attributes: change.attributes ?? told.attributes,
      };
    case "peer-away":
      return { ...told, away: true };
    case "peer-back":
      return { ...told, connection: change.connection, statement: change.statement, away: false };
  }
}

function decoded(text: string): Uint8Array {
  try {
    return fromText(text);
  } catch {
    throw new Unbelievable("not base64url");
  }
}

function isSigned(profile: string, statement: Statement): boolean {
  try {
    return isSame(statement.profileHash, sha256(encodeUtf8(profile)));
  } catch {
    return false; // no Unicode, so nobody can have signed it
  }
}
