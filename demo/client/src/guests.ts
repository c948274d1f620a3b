/** Guests of a room: members without a key, who signal in the clear. They are shown, and nobody links to them (V2). */

import { type Profile, readProfile } from "./membership.ts";
import type * as wire from "./protocol/events.ts";
import { isGuest } from "./protocol/ids.ts";

/** A member of a room that holds no key. All that is known of it is the server's word, its profile included. */
export interface Guest {
  readonly id: string;
  /** What to call it: its profile's name, or the beginning of its id. */
  readonly name: string;
  readonly profile: Profile;
  /** Who its token says it is, if it has one. */
  readonly user: string | null;
  readonly attributes: { readonly [name: string]: unknown };
}

/** A guest is in the room. */
export interface GuestCame {
  readonly type: "GuestCame";
  readonly guest: Guest;
}

/** A guest is gone. */
export interface GuestLeft {
  readonly type: "GuestLeft";
  readonly guest: Guest;
  readonly reason: wire.LeftReason;
}

export type GuestEvent = GuestCame | GuestLeft;

/** The guests of one room, as the server tells of them. No input or output, no clock. */
export class Guests {
  readonly #guests = new Map<string, Guest>();

  /** Everyone by id, in join order. */
  get all(): ReadonlyMap<string, Guest> {
    return this.#guests;
  }

  /** The reply to `join`: who is not in it is gone, for no guest comes back. */
  receiveJoined(members: readonly wire.Member[]): GuestEvent[] {
    const told = new Map(members.filter(({ id }) => isGuest(id)).map((member) => [member.id, member]));
    const gone = [...this.#guests.values()].filter(({ id }) => !told.has(id));
    const came = [...told.values()].filter(({ id }) => !this.#guests.has(id));
    return [...gone.map((guest) => this.#gone(guest, "lost")), ...came.map((member) => this.#came(member))];
  }

  /** What has changed since. */
  receiveChanges(changes: readonly wire.Change[]): GuestEvent[] {
    const events: GuestEvent[] = [];
    for (const change of changes) {
      if (change.change === "peer-joined") {
        const { id } = change.member;
        if (isGuest(id) && !this.#guests.has(id)) events.push(this.#came(change.member));
      } else if (change.change === "peer-left") {
        const guest = this.#guests.get(change.id);
        if (guest !== undefined) events.push(this.#gone(guest, change.reason));
      }
    }
    return events;
  }

  #came({ id, profile: text, user, attributes }: wire.Member): GuestEvent {
    const profile = readProfile(text);
    const name = typeof profile["name"] === "string" && profile["name"] !== "" ? profile["name"] : id.slice(0, 14);
    const guest = { id, name, profile, user, attributes };
    this.#guests.set(id, guest);
    return { type: "GuestCame", guest };
  }

  #gone(guest: Guest, reason: wire.LeftReason): GuestEvent {
    this.#guests.delete(guest.id);
    return { type: "GuestLeft", guest, reason };
  }
}
