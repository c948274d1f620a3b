import { asMessage, Channel, type ChannelEvents, Consumer, encode, type SendOptions } from "./channel.ts";
import type { Client } from "./client.ts";
import { after, Bell, now, within } from "./clock.ts";
import { type FrameType, Lane } from "./codec/frames.ts";
import type { Emitter } from "./emitter.ts";
import { NotInRoom, Undelivered } from "./errors.ts";
import { Feed, type PostOptions } from "./feed.ts";
import type { Watch, WatchOptions } from "./feed-watch.ts";
import type { Guest } from "./guests.ts";
import { DEFAULT, type Key, laneOf } from "./link/index.ts";
import type { LinkMaker } from "./links.ts";
import { type Membership, type Profile, readProfile } from "./membership.ts";
import { Peer, type PeerEvents } from "./peer.ts";
import { type Audience, type Packet, Presence, REPLACED } from "./presence.ts";
import type { LeftReason } from "./protocol/events.ts";
import { remoteOf, type RosterMember } from "./roster.ts";
import { Talking } from "./talking.ts";
import { timed, type Waiting } from "./timeout.ts";

/**
 * When to try direct paths: to each peer of a small room, and on first traffic in a larger one (`auto`), to everyone
 * at once (`eager`), or not at all (`never`).
 */
export type P2P = "auto" | "eager" | "never";

/** Up to so many members, `auto` tries a direct path to each at once; beyond that on first traffic to a peer alone. */
const EAGER_ROOM = 8;
/** A link that stays full for so many seconds is reported for its peer, and the room's message to it given up. */
const FULL_SECONDS = 5;
/** A peer that the server has lost is gone when its direct path is without proof for so many seconds. */
const UNPROVED_SECONDS = 5;
/** Seconds between looks at such a peer. */
const LOOK_SECONDS = 0.25;

/** Seconds between looks whether the room has been joined again. */
const JOIN_SECONDS = 0.02;

/** How a message is sent to a room. */
export interface RoomSendOptions extends SendOptions {
  /** Whom it is for: a peer or several, or their ids. Left out: everyone. */
  readonly to?: Peer | string | Iterable<Peer | string>;
  /** What to do about links without room: wait for them (5 s at most), or leave them out. `wait` if left out. */
  readonly whenFull?: "wait" | "skip";
}

/** What happens in a room, with what its handlers are given. */
export type RoomEvents = PeerEvents & {
  /** A peer was announced. */
  peerJoined: [peer: Peer];
  /** A program without a key has joined: nobody links to it. */
  guestJoined: [guest: Guest];
  /** It is gone: why. */
  guestLeft: [guest: Guest, reason: string];
  /** The room is over for this program. */
  closed: [reason: string];
};

/** A room that this program has joined; made by `Client.join`. */
export class Room extends Talking<ChannelEvents<unknown> & RoomEvents, RoomSendOptions, Peer[]> {
  readonly client: Client;
  readonly name: string;
  /** This program's own id: the same in every room. */
  readonly id: string;
  /** @internal */
  readonly _presence: Presence;
  /** @internal */
  readonly _consumers = new Map<Key, Consumer>();
  readonly #p2p: P2P;
  readonly #feed: Feed;
  readonly #links: LinkMaker;
  readonly #peers = new Map<string, Peer>();
  readonly #arrivals = new Bell();
  /** Peers that the server has lost, and their direct paths have not. */
  readonly #lost = new Map<string, Peer>();
  /** Peers that are gone, as long as handlers deal with what came of them. */
  readonly #departing = new Set<Peer>();
  #closed: string | null = null;
  #ending: Promise<void> | null = null;

  /** @internal */
  constructor(client: Client, membership: Membership, p2p: P2P, links: LinkMaker) {
    super(
      ["peerJoined", "peerLeft", "peerUpdated", "pathChanged", "undelivered", "guestJoined", "guestLeft", "closed"],
      (error) => client._report(error),
    );
    this.client = client;
    this.name = membership.room;
    this.id = membership.identity.id;
    this.#p2p = p2p;
    this.#links = links;
    const audience: Audience = {
      appeared: (member) => this.#appeared(member),
      vanished: (id, reason) => this.#vanished(id, reason),
      changed: (id, profile, attributes) => this.#changed(id, profile, attributes),
      relay: (id, mine, theirs) => this.#relay(id, mine, theirs),
      guestCame: (guest) => this._emit("guestJoined", guest),
      guestLeft: (guest, reason) => this._emit("guestLeft", guest, reason),
      packet: (from, packet) => this.#packet(from, packet),
      over: (reason) => this._over(reason),
    };
    this.#feed = new Feed(this.name, client._watches, {
      check: () => this.check(),
      ready: () => this.#ready(),
      who: (id) => this.#peers.get(id) ?? id,
    });
    this._presence = new Presence(membership, client._connection, audience, ({ ice_servers, reports }) => {
      links.useIceServers(ice_servers);
      if (reports) client._reports.start();
    });
  }

  // ---- the feed, which is not sealed

  /** Post to this room's feed, which the server reads and keeps: see `Feed.post`. Rejects with NotInRoom, too. */
  async post(topic: string, data: unknown, options?: PostOptions): Promise<number> {
    return await this.#feed.post(topic, data, options);
  }

  /** Posts as they come: see `Feed.watch`. It ends when the room is left. Throws NotInRoom. */
  watch(topics: string | readonly string[], options?: WatchOptions): Watch {
    return this.#feed.watch(topics, options);
  }

  // ---- who is here

  /** The other members by id, in join order. Those whose connection is gone for now are among them. */
  get peers(): ReadonlyMap<string, Peer> {
    return this.#peers;
  }

  /**
   * Members without a key, by id: plain WebRTC programs that signal through this server. Nothing that is sent here goes
   * to them.
   */
  get guests(): ReadonlyMap<string, Guest> {
    return this._presence.guests;
  }

  /** What this program says of itself to the others. */
  get profile(): Profile {
    return this._presence.membership.profile;
  }

  /** Replace one's own profile: at most 4,096 bytes of JSON. Rejects with TypeError, RangeError, Refused, ConnectionFailed. */
  async setProfile(profile: Profile): Promise<void> {
    this.check();
    const { membership } = this._presence;
    const event = membership.setProfile(profile);
    for (const peer of this.#peers.values()) peer._link.core.setStatement(membership.statement);
    await this.client._connection.request("profile", event);
  }

  /**
   * A peer, as soon as there is one: any, or the one with this id. Rejects with a DOMException named TimeoutError when
   * the time is over, and with NotInRoom if the room is left meanwhile.
   */
  async waitForPeer({ id, ...options }: Waiting & { readonly id?: string } = {}): Promise<Peer> {
    const who = id === undefined ? "nobody else" : `no peer ${id}`;
    const why = (ms: number): string => `${who} came into room ${JSON.stringify(this.name)} within ${ms} ms`;
    return await timed(options, why, async (signal) => {
      for (;;) {
        this.check();
        const peer = id === undefined ? this.#peers.values().next().value : this.#peers.get(id);
        if (peer !== undefined) return peer;
        await this.#arrivals.next(signal);
      }
    });
  }

  // ---- sending

  /**
   * Send a message on the default channel to everyone in the room, or to some (`to`). It is queued on every link that
   * has room; the others are waited for, 5 s at most, or left out (`whenFull`).
   *
   * Resolves to the peers it was not queued for; what timed out is also reported as `undelivered`. What cannot be sent
   * to one peer is still sent to the others, and then thrown. Rejects with NotInRoom, TooLarge, TypeError, RangeError.
   */
  async send(data: unknown, options?: RoomSendOptions): Promise<Peer[]> {
    return await this.#send(DEFAULT, data, options);
  }

  /** Wait until every peer has handled everything sent to it before. Rejects as `Peer.flush`. */
  async flush(options: Waiting = {}): Promise<void> {
    await Promise.all([...this.#peers.values()].map((peer) => peer.flush(options)));
  }

  // ---- leaving

  /** Leave: what was sent is acknowledged first, within 5 s; what was not is reported as `undelivered`. */
  async leave(): Promise<void> {
    await this.#close("this program left it", () => this.#leave());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave();
  }

  /** Throws NotInRoom if this room has been left or closed. */
  check(): void {
    if (this.#closed !== null) {
      throw new NotInRoom(`not in room ${JSON.stringify(this.name)} any more: ${this.#closed}`);
    }
  }

  // ---- inside: the end

  #beginEnd(reason: string, work: () => Promise<void>): Promise<void> {
    if (this.#ending === null) {
      this.#closed = reason;
      this.#arrivals.ring();
      this.#ending = work();
    }
    return this.#ending;
  }

  async #close(reason: string, work: () => Promise<void>): Promise<void> {
    await this.#beginEnd(reason, work);
  }

  async #leave(): Promise<void> {
    await Promise.all([...this.#peers.values()].map((peer) => peer._link.close()));
    await within(1, this.#links.sent()); // the last acknowledgements go before we do
    await this._presence.leave();
    await this.#finish("left");
  }

  /** @internal Joining has failed or was given up: let nothing remain of it, here or at the server. */
  async _abandon(): Promise<void> {
    await this.#close("joining it failed", () => this.#leave());
  }

  /** @internal The room is over for this program. Resolves when nothing remains of it. */
  async _over(reason: string): Promise<void> {
    await this.#beginEnd(reason, async () => {
      if (reason === REPLACED) this.client._replaced(this);
      await this.#finish(reason);
    });
  }

  async #finish(reason: string): Promise<void> {
    this.client._forget(this);
    await this._presence.stop();
    const peers = [...this.#peers.values(), ...this.#departing];
    await Promise.all(peers.map((peer) => peer._link.end(reason)));
    await Promise.all(peers.flatMap((peer) => [...peer._streams.values()].map((stream) => stream.close(1))));
    for (const { _consumers } of [this, ...peers]) {
      for (const consumer of _consumers.values()) consumer.close();
    }
    this.#feed._end();
    this._emit("closed", reason);
    await Promise.all([...peers, this].map((emitter) => emitter._endEvents()));
  }

  /** Until this program is a member again, so that others see whom a post is from. */
  async #ready(): Promise<void> {
    this.check();
    await this.client._watches.untilConnected();
    while (!this._presence.joined) {
      this.check();
      await new Promise<void>((resolve) => after(JOIN_SECONDS, resolve));
      await this.client._watches.untilConnected();
    }
    this.check();
  }

  // ---- inside: what the presence tells

  #appeared(member: RosterMember): void {
    const known = this.#lost.get(member.id);
    if (known !== undefined) {
      if (known._incarnation === member.incarnation) {
        this.#lost.delete(member.id); // it was only the server that had lost it
        const { id, profile, attributes } = member;
        const told = JSON.stringify([known.profile, known.attributes]);
        if (told !== JSON.stringify([readProfile(profile), attributes])) this.#changed(id, profile, attributes);
        return;
      }
      this.#gone(known, "restarted");
    }
    const remote = remoteOf(member);
    const report = (error: unknown): void => this.client._report(error);
    const peer = new Peer(this, member, report, (made) => this.#links.make(this, made, remote));
    this.#peers.set(peer.id, peer);
    for (const key of this._consumers.keys()) peer._stream(key);
    this._emit("peerJoined", peer);
    this.#arrivals.ring();
    if (this.#p2p === "eager" || (this.#p2p === "auto" && this.#peers.size < EAGER_ROOM)) {
      for (const other of this.#peers.values()) other._link.wantDirect();
    }
  }

  #vanished(id: string, reason: LeftReason): void {
    const peer = this.#peers.get(id);
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

  /** Until a peer that the server has lost is found again, or its direct path is without proof for good. */
  #watchLost(peer: Peer, proved: number): void {
    if (this.#lost.get(peer.id) !== peer || this.#closed !== null) return;
    const time = peer._link.core.session.directProved ? now() : proved;
    if (now() - time > UNPROVED_SECONDS || peer._link.path === null) this.#gone(peer, "lost");
    else after(LOOK_SECONDS, () => this.#watchLost(peer, time));
  }

  #gone(peer: Peer, reason: LeftReason): void {
    this.#lost.delete(peer.id);
    this.#peers.delete(peer.id);
    const gone = `it is gone (${reason})`;
    peer._link.cut(gone);
    for (const consumer of peer._consumers.values()) consumer.close();
    this._tell(peer, "peerLeft", peer, reason);
    this.#departing.add(peer);
    void this.#depart(peer, gone);
  }

  async #depart(peer: Peer, reason: string): Promise<void> {
    await peer._link.end(reason);
    await peer._endEvents(null);
    await Promise.all([...peer._streams.values()].map((stream) => stream.depart()));
    this.#departing.delete(peer);
  }

  #changed(id: string, profile: string, attributes: RosterMember["attributes"]): void {
    const peer = this.#peers.get(id);
    if (peer !== undefined) {
      peer.profile = readProfile(profile);
      peer.attributes = attributes;
      this._tell(peer, "peerUpdated", peer);
    }
  }

  #relay(id: string, mine: number | null, theirs: number | null): void {
    const peer = this.#peers.get(id);
    if (peer !== undefined) {
      if (mine !== null) peer.away = theirs === null;
      peer._link.relayChanged(mine, theirs);
    }
  }

  #packet(from: string, { signal, packet }: Packet): boolean {
    const peer = this.#peers.get(from);
    if (peer === undefined) return false;
    if (signal === null) peer._link.receiveRelay(packet);
    else peer._link.receiveSignal(signal.kind, signal.attempt, packet);
    return true;
  }

  /** @internal Something was sent to this peer alone: from now on a direct path is worth trying. */
  _traffic(peer: Peer): void {
    if (this.#p2p === "auto") peer._link.wantDirect();
  }

  /** @internal Tell of a peer, to those who listen to it and those who listen to the room. */
  _tell<Name extends keyof PeerEvents>(peer: Peer, event: Name, ...args: PeerEvents[Name]): void {
    const both: readonly Emitter<PeerEvents>[] = [peer, this];
    for (const one of both) one._emit(event, ...(args as Extract<PeerEvents[Name], readonly unknown[]>));
  }

  /** @internal Whether messages of this peer may still come. */
  _holds(peer: Peer): boolean {
    return this.#closed === null && this.#peers.get(peer.id) === peer;
  }

  // ---- inside: sending

  /** @internal */
  protected override _makeChannel(key: Key, latest: boolean): Channel<unknown, RoomSendOptions, Peer[]> {
    return new Channel(
      this.#consumer(key, latest),
      (data, options) => this.#send(key, data, options),
      (closed) => {
        for (const peer of this.#peers.values()) peer._link.outlets.close(closed);
      },
    );
  }

  #consumer(key: Key, latest: boolean): Consumer {
    let consumer = this._consumers.get(key);
    if (consumer === undefined) {
      consumer = new Consumer(key, latest, (error) => this.client._report(error));
      this._consumers.set(key, consumer);
      if (this.#closed !== null) consumer.close();
      for (const peer of this.#peers.values()) peer._stream(key).add(consumer);
    }
    return consumer;
  }

  async #send(key: Key, data: unknown, options: RoomSendOptions = {}): Promise<Peer[]> {
    this.check();
    const { to, whenFull = "wait", signal } = options;
    if (whenFull !== "wait" && whenFull !== "skip") {
      throw new TypeError(`whenFull is "wait" or "skip", not ${JSON.stringify(whenFull)}`);
    }
    const [kind, payload] = encode(data, laneOf(key));
    const peers = to === undefined ? [...this.#peers.values()] : this.#named(to);
    if (laneOf(key) === Lane.DATAGRAM) {
      return peers.filter((peer) => !peer._link.outlets.sendDatagram(key, kind, payload));
    }
    const full: Peer[] = [];
    const failures: unknown[] = [];
    for (const peer of peers) {
      // One that is gone, or has no channel to spare, does not keep the message from the others.
      try {
        if (!peer._link.outlets.trySend(key, kind, payload)) full.push(peer);
      } catch (error) {
        failures.push(error);
      }
    }
    if (whenFull === "skip" || full.length === 0) {
      if (failures.length > 0) throw failures[0];
      return full;
    }
    const sent = await Promise.all(full.map((peer) => this.#sendLate(peer, key, kind, payload, signal)));
    signal?.throwIfAborted();
    if (failures.length > 0) throw failures[0];
    return full.filter((_, index) => !sent[index]);
  }

  /** The peers that are meant by themselves or their ids; to send to them alone makes direct paths worth trying. */
  #named(to: Peer | string | Iterable<Peer | string>): Peer[] {
    const peers = [...(to instanceof Peer || typeof to === "string" ? [to] : to)].map((one) => {
      if (one instanceof Peer) return one;
      if (typeof one !== "string") throw new TypeError(`\`to\` takes peers or their ids, not ${typeof one}`);
      const peer = this.#peers.get(one);
      if (peer === undefined) throw new NotInRoom(`there is no peer ${one} in room ${JSON.stringify(this.name)}`);
      return peer;
    });
    for (const peer of peers) this._traffic(peer);
    return peers;
  }

  /** Whether a message could be sent to a peer whose link was full. */
  async #sendLate(
    peer: Peer,
    key: Key,
    kind: FrameType,
    payload: Uint8Array,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const stayedFull = `its link stayed full for ${FULL_SECONDS} s`;
    const waiting: Waiting = { timeout: FULL_SECONDS * 1000, ...(signal && { signal }) };
    try {
      await timed(waiting, () => stayedFull, async (either) => await peer._link.outlets.send(key, kind, payload, either));
      return true;
    } catch (error) {
      if (!(error instanceof NotInRoom) && signal?.aborted !== true) {
        this._tell(peer, "undelivered", new Undelivered(peer, [asMessage(peer, key, kind, payload)], stayedFull));
      }
      return false;
    }
  }
}
