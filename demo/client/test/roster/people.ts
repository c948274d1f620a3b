/** Somebody who can be a member, and signs what is said of them; and what a server tells of such. */

import { createHash } from "node:crypto";

import { ed25519 } from "@noble/curves/ed25519.js";

import type * as wire from "../../src/protocol/events.ts";
import { peerId, toText } from "../../src/protocol/ids.ts";
import { signStatement, type Statement } from "../../src/protocol/statements.ts";
import type { RosterCore, RosterEvent } from "../../src/roster.ts";

export const ROOM = "lobby";
export const GRACE = 30;

export function sha256(text: string): Uint8Array {
  return new Uint8Array(createHash("sha256").update(text).digest());
}

export class Person {
  readonly key: Uint8Array;
  readonly id: string;
  readonly static: Uint8Array;
  incarnation = 1_000;
  profile = "{}";
  version = 1;
  connection = 1;
  readonly #seed: Uint8Array;

  constructor(name: string) {
    this.#seed = sha256(name);
    this.key = ed25519.getPublicKey(this.#seed);
    this.id = peerId(this.key);
    this.static = sha256(`static ${name}`);
  }

  statement(changes: Partial<Statement> = {}): string {
    const statement = {
      room: ROOM,
      key: this.key,
      incarnation: this.incarnation,
      static: this.static,
      profileVersion: this.version,
      profileHash: sha256(this.profile),
      ...changes,
    };
    return toText(signStatement(statement, (data) => ed25519.sign(data, this.#seed)));
  }

  member(changes: Partial<wire.Member> = {}): wire.Member {
    return {
      id: this.id,
      key: toText(this.key),
      statement: this.statement(),
      profile: this.profile,
      connection: this.connection,
      away: false,
      user: null,
      attributes: {},
      ...changes,
    };
  }

  /** A new profile. */
  say(profile: string): wire.PeerUpdated {
    this.profile = profile;
    this.version += 1;
    return { change: "peer-updated", id: this.id, profile, statement: this.statement() };
  }

  /** A new connection. */
  comeBack(): wire.PeerBack {
    this.connection += 1;
    return { change: "peer-back", id: this.id, connection: this.connection, statement: this.statement() };
  }

  restart(): void {
    this.incarnation += 1;
    this.connection = 1;
    this.version = 1;
  }
}

export const ME = new Person("me");

export function joined(members: readonly (Person | wire.Member)[], { version = 10, resumed = false } = {}): wire.Joined {
  const peers = [...members, ME].map((member) => (member instanceof Person ? member.member() : member));
  const limits = { packet: 1, signal: 1, profile: 1, recipients: 1, peers: 1, grace: GRACE };
  return { room: ROOM, version, peers, ice_servers: [], limits, resumed, reports: false };
}

export function delta(base: number, version: number, ...changes: wire.Change[]): wire.Roster {
  return { room: ROOM, base, version, changes };
}

export function appeared(person: Person): wire.PeerJoined {
  return { change: "peer-joined", member: person.member() };
}

export function left(id: string, reason: wire.LeftReason = "left"): wire.PeerLeft {
  return { change: "peer-left", id, reason };
}

export function away(id: string): wire.PeerAway {
  return { change: "peer-away", id, reason: "" };
}

/** What a core has to tell. */
export function events(core: RosterCore): RosterEvent[] {
  const told: RosterEvent[] = [];
  for (let event = core.nextEvent(); event !== null; event = core.nextEvent()) told.push(event);
  return told;
}
