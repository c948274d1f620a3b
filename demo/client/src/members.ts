/** The peers of a room: they appear, change, are lost and go, as its presence tells. */

import { after, Bell, now } from "./clock.ts";
import type { Guest } from "./guests.ts";
import type { LinkMaker } from "./links.ts";
import { readProfile } from "./membership.ts";
import { Peer } from "./peer.ts";
import type { Audience, Packet } from "./presence.ts";
import type { LeftReason } from "./protocol/events.ts";
import type { Room } from "./room.ts";
import { remoteOf, type RosterMember } from "./roster.ts";

/**
 * When to try direct paths: to each peer of a small room, and on first traffic in a larger one (`auto`), to everyone
 * at once (`eager`), or not at all (`never`).
 */
export type P2P = "auto" | "eager" | "never";

/** Up to so many members, `auto` tries a direct path to each at once; beyond that on first traffic to a peer alone. */
const EAGER_ROOM = 8;
/** A peer that the server has lost is gone when its direct path is without proof for so many seconds. */
const UNPROVED_SECONDS = 5;
/** Seconds between looks at such a peer. */
const LOOK_SECONDS = 0.25;

/** Who is in a room beside this program. */
export class Members implements Audience {
  /** By id, in join order. */
  readonly here = new Map<string, Peer>();
  /** Those who are gone, as long as handlers deal with what came of them. */
  readonly departing = new Set<Peer>();
  readonly arrivals = new Bell();
  /** Those who are here, and whom the server has lost, and their direct paths have not. */
  readonly #lost = new Map<string, Peer>();
  readonly #room: Room;
  readonly #p2p: P2P;
  readonly #links: LinkMaker;

  constructor(room: Room, p2p: P2P, links: LinkMaker) {
    this.#room = room;
    this.#p2p = p2p;
    this.#links = links;
  }

  /** Something was sent to this peer alone: from now on a direct path is worth trying. */
  traffic(peer: Peer): void {
    if (this.#p2p === "auto") peer._link.wantDirect();
  }

  // ---- what the presence tells

  appeared(member: RosterMember): void {
    const known = this.#lost.get(member.id);
    if (known !== undefined) {
      if (known._incarnation === member.incarnation) {
        this.#lost.delete(member.id); // it was only the server that had lost it
        const { id, profile, attributes } = member;
        const told = JSON.stringify([known.profile, known.attributes]);
        if (told !== JSON.stringify([readProfile(profile), attributes])) this.changed(id, profile, attributes);
        return;
      }
      this.#gone(known, "restarted");
    }
    const room = this.#room;
    const remote = remoteOf(member);
    const report = (error: unknown): void => room.client._report(error);
    const peer = new Peer(room, member, report, (made) => this.#links.make(room, made, remote));
    this.here.set(peer.id, peer);
    for (const key of room._consumers.keys()) peer._stream(key);
    room._emit("peerJoined", peer);
    this.arrivals.ring();
    if (this.#p2p === "eager" || (this.#p2p === "auto" && this.here.size < EAGER_ROOM)) {
      for (const other of this.here.values()) other._link.wantDirect();
    }
  }

  vanished(id: string, reason: LeftReason): void {
    const peer = this.here.get(id);
    if (peer === undefined) return;
    if (reason === "lost" && peer._link.core.session.directProved) {
      // Off the roster past its grace time, but the direct path still proves that it lives (rule S1).
      this.#lost.set(id, peer);
      peer.away = true;
      peer._link.relayChanged(null, null);
      this.#watchLost(peer, now());
    } else {
      this.#gone(peer, reason);
    }
  }

  changed(id: string, profile: string, attributes: RosterMember["attributes"]): void {
    const peer = this.here.get(id);
    if (peer !== undefined) {
      peer.profile = readProfile(profile);
      peer.attributes = attributes;
      this.#room._tell(peer, "peerUpdated", peer);
    }
  }

  relay(id: string, mine: number | null, theirs: number | null): void {
    const peer = this.here.get(id);
    if (peer !== undefined) {
      if (mine !== null) peer.away = theirs === null;
      peer._link.relayChanged(mine, theirs);
    }
  }

  guestCame(guest: Guest): void {
    this.#room._emit("guestJoined", guest);
  }

  guestLeft(guest: Guest, reason: string): void {
    this.#room._emit("guestLeft", guest, reason);
  }

  packet(from: string, { signal, packet }: Packet): boolean {
    const peer = this.here.get(from);
    if (peer === undefined) return false;
    if (signal === null) peer._link.receiveRelay(packet);
    else peer._link.receiveSignal(signal.kind, signal.attempt, packet);
    return true;
  }

  over(reason: string): void {
    void this.#room._over(reason);
  }

  // ---- going

  /** Until a peer that the server has lost is found again, or its direct path is without proof for good. */
  #watchLost(peer: Peer, proved: number): void {
    if (this.#lost.get(peer.id) !== peer || !this.#room._holds(peer)) return;
    const time = peer._link.core.session.directProved ? now() : proved;
    if (now() - time > UNPROVED_SECONDS || peer._link.path === null) this.#gone(peer, "lost");
    else after(LOOK_SECONDS, () => this.#watchLost(peer, time));
  }

  #gone(peer: Peer, reason: LeftReason): void {
    this.#lost.delete(peer.id);
    this.here.delete(peer.id);
    const gone = `it is gone (${reason})`;
    peer._link.cut(gone);
    for (const consumer of peer._consumers.values()) consumer.close();
    this.#room._tell(peer, "peerLeft", peer, reason);
    this.departing.add(peer);
    void this.#depart(peer, gone);
  }

  async #depart(peer: Peer, reason: string): Promise<void> {
    await peer._link.end(reason);
    await peer._endEvents(null);
    await Promise.all([...peer._streams.values()].map((stream) => stream.depart()));
    this.departing.delete(peer);
  }
}
