import { Channel, type ChannelEvents, Consumer, encode, type SendOptions } from "./channel.ts";
import type { Client } from "./client.ts";
import { after, within } from "./clock.ts";
import type { Emitter } from "./emitter.ts";
import { NotInRoom } from "./errors.ts";
import { Feed, type PostOptions } from "./feed.ts";
import type { Watch, WatchOptions } from "./feed-watch.ts";
import type { Guest } from "./guests.ts";
import { DEFAULT, type Key, laneOf } from "./link/index.ts";
import type { LinkMaker } from "./links.ts";
import { Members, type P2P } from "./members.ts";
import type { Membership, Profile } from "./membership.ts";
import { Peer, type PeerEvents } from "./peer.ts";
import { Presence, REPLACED } from "./presence.ts";
import { sendTo } from "./sending.ts";
import { Talking } from "./talking.ts";
import { timed, type Waiting } from "./timeout.ts";

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
  readonly _members: Members;
  /** @internal */
  readonly _consumers = new Map<Key, Consumer>();
  readonly #feed: Feed;
  readonly #links: LinkMaker;
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
    this.#links = links;
    this._members = new Members(this, p2p, links);
    this.#feed = new Feed(this.name, client._watches, {
      check: () => this.check(),
      ready: () => this.#ready(),
      who: (id) => this._members.here.get(id) ?? id,
    });
    this._presence = new Presence(membership, client._connection, this._members, ({ ice_servers, reports }) => {
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
    return this._members.here;
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
    for (const peer of this._members.here.values()) peer._link.core.setStatement(membership.statement);
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
        const peer = id === undefined ? this._members.here.values().next().value : this._members.here.get(id);
        if (peer !== undefined) return peer;
        await this._members.arrivals.next(signal);
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
    await Promise.all([...this._members.here.values()].map((peer) => peer.flush(options)));
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
      this._members.arrivals.ring();
      this.#ending = work();
    }
    return this.#ending;
  }

  async #close(reason: string, work: () => Promise<void>): Promise<void> {
    await this.#beginEnd(reason, work);
  }

  async #leave(): Promise<void> {
    await Promise.all([...this._members.here.values()].map((peer) => peer._link.close()));
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
    const peers = [...this._members.here.values(), ...this._members.departing];
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

  // ---- inside: peers

  /** @internal Tell of a peer, to those who listen to it and those who listen to the room. */
  _tell<Name extends keyof PeerEvents>(peer: Peer, event: Name, ...args: PeerEvents[Name]): void {
    const both: readonly Emitter<PeerEvents>[] = [peer, this];
    for (const one of both) one._emit(event, ...(args as Extract<PeerEvents[Name], readonly unknown[]>));
  }

  /** @internal Whether messages of this peer may still come. */
  _holds(peer: Peer): boolean {
    return this.#closed === null && this._members.here.get(peer.id) === peer;
  }

  // ---- inside: sending

  /** @internal */
  protected override _makeChannel(key: Key, latest: boolean): Channel<unknown, RoomSendOptions, Peer[]> {
    return new Channel(
      this.#consumer(key, latest),
      (data, options) => this.#send(key, data, options),
      (closed) => {
        for (const peer of this._members.here.values()) peer._link.outlets.close(closed);
      },
    );
  }

  #consumer(key: Key, latest: boolean): Consumer {
    let consumer = this._consumers.get(key);
    if (consumer === undefined) {
      consumer = new Consumer(key, latest, (error) => this.client._report(error));
      this._consumers.set(key, consumer);
      if (this.#closed !== null) consumer.close();
      for (const peer of this._members.here.values()) peer._stream(key).add(consumer);
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
    const peers = to === undefined ? [...this._members.here.values()] : this.#named(to);
    return await sendTo(peers, { key, kind, payload }, whenFull === "wait", signal);
  }

  /** The peers that are meant by themselves or their ids; to send to them alone makes direct paths worth trying. */
  #named(to: Peer | string | Iterable<Peer | string>): Peer[] {
    const peers = [...(to instanceof Peer || typeof to === "string" ? [to] : to)].map((one) => {
      if (one instanceof Peer) return one;
      if (typeof one !== "string") throw new TypeError(`\`to\` takes peers or their ids, not ${typeof one}`);
      const peer = this._members.here.get(one);
      if (peer === undefined) throw new NotInRoom(`there is no peer ${one} in room ${JSON.stringify(this.name)}`);
      return peer;
    });
    for (const peer of peers) this._members.traffic(peer);
    return peers;
  }
}
