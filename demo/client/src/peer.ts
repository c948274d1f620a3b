import { asMessages, Channel, type ChannelEvents, Consumer, encode, type Message, type SendOptions, Stream } from "./channel.ts";
import { Lane } from "./codec/frames.ts";
import type { Report } from "./emitter.ts";
import { Undelivered } from "./errors.ts";
import { DEFAULT, type Key, laneOf, type Link, type Received } from "./link/index.ts";
import { type Profile, readProfile } from "./membership.ts";
import type { LeftReason } from "./protocol/events.ts";
import type { Room } from "./room.ts";
import type { RosterMember } from "./roster.ts";
import type { PathName } from "./session/events.ts";
import { type PeerStats, peerStats } from "./stats.ts";
import { Talking } from "./talking.ts";
import { timed, type Waiting } from "./timeout.ts";

/** What happens to a peer, with what its handlers are given. Rooms have the same events for all their peers. */
export type PeerEvents = {
  /** Messages to it go another way now. */
  pathChanged: [peer: Peer, path: PathName];
  /** It has another profile. */
  peerUpdated: [peer: Peer];
  /** It is gone for good. */
  peerLeft: [peer: Peer, reason: LeftReason];
  /** Messages to it of which nobody knows whether they arrived. */
  undelivered: [report: Undelivered<Peer, Message>];
};

/** Another member of a room, as seen from here. It can be sent to as soon as it is announced. */
export class Peer extends Talking<ChannelEvents<unknown> & PeerEvents, SendOptions, void> {
  /** Its id, checked: who sends under it holds its key. */
  readonly id: string;
  readonly room: Room;
  /** Whether its connection to the server is gone for now; a direct path may carry on. */
  away: boolean;
  /** What it says of itself. */
  profile: Profile;
  /** Who the server says it is, by its verified token. */
  readonly user: string | null;
  /** What the server says of it. */
  attributes: Readonly<Record<string, unknown>>;
  /** @internal */
  readonly _incarnation: number;
  /** @internal */
  readonly _link: Link;
  /** @internal */
  readonly _consumers = new Map<Key, Consumer>();
  /** @internal */
  readonly _streams = new Map<Key, Stream>();
  /** @internal The path that was announced last. */
  _path: PathName = "relay";
  readonly #report: Report;

  /** @internal */
  constructor(room: Room, member: RosterMember, report: Report, makeLink: (peer: Peer) => Link) {
    super(["pathChanged", "peerUpdated", "peerLeft", "undelivered"], report);
    this.id = member.id;
    this.room = room;
    this.away = member.away;
    this.profile = readProfile(member.profile);
    this.user = member.user;
    this.attributes = member.attributes;
    this._incarnation = member.incarnation;
    this.#report = report;
    this._link = makeLink(this);
  }

  /** What to call it: its profile's name, or the beginning of its id. */
  get name(): string {
    const name = this.profile["name"];
    return typeof name === "string" && name !== "" ? name : this.id.slice(0, 8);
  }

  /** Where a message to it would go now. */
  get path(): PathName {
    return this._link.path ?? this._path;
  }

  /**
   * Send a message on the default channel: a string, bytes, or a JSON-like value. Waits while the channel's credit or
   * the lane's window is full. Rejects with NotInRoom, TooLarge, TypeError.
   */
  send(data: unknown, options?: SendOptions): Promise<void> {
    return this.#send(DEFAULT, data, options);
  }

  /**
   * Wait until the peer has handled everything sent to it before; if nobody listens there, that takes its time.
   * Rejects with Undelivered, NotInRoom, and a DOMException named TimeoutError.
   */
  async flush(options: Waiting = {}): Promise<void> {
    const why = (ms: number): string => `${this} did not handle everything within ${ms} ms`;
    try {
      await timed(options, why, (signal) => this._link.questions.flush(signal));
    } catch (error) {
      if (!(error instanceof Undelivered)) throw error;
      throw new Undelivered(this, asMessages(this, error.messages), error.reason);
    }
  }

  /**
   * A round trip to the peer's library: its milliseconds, and the path. Rejects with NotInRoom, and a DOMException
   * named TimeoutError.
   */
  async ping(options: Waiting = {}): Promise<{ rtt: number; path: PathName }> {
    const why = (ms: number): string => `${this} did not answer a ping within ${ms} ms`;
    const { rtt, path } = await timed(options, why, (signal) => this._link.questions.ping(signal));
    return { rtt: rtt * 1000, path };
  }

  /** Round-trip times and bytes by path, resends, candidate types: as of now. */
  stats(): PeerStats {
    return peerStats(this._link.stats());
  }

  /** Its name. */
  override toString(): string {
    return this.name;
  }

  // ---- inside

  /** @internal */
  protected override _makeChannel(key: Key, latest: boolean): Channel {
    return new Channel(
      this.#consumer(key, latest),
      (data, options) => this.#send(key, data, options),
      (closed) => this._link.outlets.close(closed),
    );
  }

  async #send(key: Key, data: unknown, options: SendOptions | undefined): Promise<void> {
    const [kind, payload] = encode(data, laneOf(key));
    this.room._members.traffic(this);
    if (laneOf(key) === Lane.DATAGRAM) this._link.outlets.sendDatagram(key, kind, payload);
    else await this._link.outlets.send(key, kind, payload, options?.signal);
  }

  #consumer(key: Key, latest: boolean): Consumer {
    let consumer = this._consumers.get(key);
    if (consumer === undefined) {
      consumer = new Consumer(key, latest, this.#report);
      this._consumers.set(key, consumer);
      const stream = this._stream(key);
      stream.add(consumer);
      if (stream.ended || !this.room._holds(this)) consumer.close();
    }
    return consumer;
  }

  /** @internal What arrives from it on one channel. */
  _stream(key: Key): Stream {
    let stream = this._streams.get(key);
    if (stream === undefined) {
      const consumers = [this._consumers.get(key), this.room._consumers.get(key)].filter((one) => one !== undefined);
      const { inlets } = this._link;
      stream = new Stream(this, key, consumers, {
        report: this.#report,
        listen: (channel) => inlets.listen(channel),
        handled: (received) => inlets.handled(received),
      });
      this._streams.set(key, stream);
      stream.advance();
    }
    return stream;
  }

  /** @internal */
  _received(received: Received): void {
    this._stream(received.key).arrive(received);
  }

  /** @internal The peer opened its direction of a channel, or sends no more on it. */
  _channel(key: Key, open: boolean): void {
    this._stream(key).ended = !open;
    this._consumers.get(key)?.close(!open);
  }
}
