import { complain } from "./complaints.ts";
import { Connection, type Token, type Transport } from "./connection.ts";
import { Emitter } from "./emitter.ts";
import { EitherwayError } from "./errors.ts";
import { Feed } from "./feed.ts";
import { Watches } from "./feed-watch.ts";
import { Identity } from "./identity.ts";
import { LinkMaker, randomBytes, Shared } from "./links.ts";
import type { P2P } from "./members.ts";
import { Membership, type Profile } from "./membership.ts";
import { KEY } from "./noise.ts";
import type { MakeConnection } from "./paths/direct.ts";
import { Relays } from "./paths/relay.ts";
import { REPLACED } from "./presence.ts";
import type { SignalKind } from "./protocol/events.ts";
import { checkRoomName } from "./protocol/ids.ts";
import { readEvent } from "./protocol/reading.ts";
import { Reports } from "./reports.ts";
import { Room } from "./room.ts";

/** Signals on their way to the server at a time; more are dropped, and their attempts end at their deadlines. */
const MAX_SIGNALS = 64;

/** How a client is to be. */
export interface ClientOptions {
  /** Who it is; a new identity that lives as long as this object, if left out. See `claimPageIdentity`. */
  readonly identity?: Identity;
  /** What admits it to the server, or a function that returns a fresh one for each connection. */
  readonly token?: Token;
  /** Ways to the server, tried in this order: `["websocket", "polling"]` if left out. */
  readonly transports?: readonly Transport[];
  /** Milliseconds for connecting by one transport, and for each reply: 10,000 if left out. */
  readonly timeout?: number;
  /** Whether to come back, for ever, when the connection is lost: true if left out. */
  readonly reconnect?: boolean;
  /** The Socket.IO namespace of the server's events, if it was attached to somebody's server under another than `/`. */
  readonly namespace?: string;
  /**
   * What makes WebRTC connections: the browser's own RTCPeerConnection if left out. In Node there is none, and all
   * goes over the relay, unless one is given: that of `node-datachannel/polyfill`, for instance.
   */
  readonly RTCPeerConnection?: MakeConnection;
}

/** What happens to a client, with what its handlers are given. */
export type ClientEvents = {
  /** There is a new connection to the server. */
  connected: [];
  /** The connection is gone; it is tried again. */
  disconnected: [reason: string];
  /** Another program with the same identity has taken the place in this room. */
  replaced: [room: Room];
  /** What a handler threw, or why the connection was given up. */
  error: [error: unknown];
};

/** How to be in a room. */
export interface JoinOptions {
  /** What this program says of itself: at most 4,096 bytes of JSON. */
  readonly profile?: Profile;
  /** When to try direct paths: `auto` if left out. */
  readonly p2p?: P2P;
}

/** One program's connection to a signalling server, and the rooms it has joined over it. */
export class Client extends Emitter<ClientEvents> {
  readonly identity: Identity;
  /** @internal */
  readonly _connection: Connection;
  /** @internal */
  readonly _watches: Watches;
  /** @internal */
  readonly _reports: Reports;
  readonly #static = randomBytes(KEY);
  readonly #relays: Relays;
  readonly #shared: Shared;
  readonly #rooms = new Map<string, Room>();
  #signals = 0;

  /** `url`: the server's, http or https; in a page its origin, if left out. Throws TypeError. */
  constructor(url?: string, options: ClientOptions = {}) {
    super(["connected", "disconnected", "replaced", "error"]);
    const { identity = Identity.generate(), RTCPeerConnection = globalThis.RTCPeerConnection, ...rest } = options;
    this.identity = identity;
    this._connection = new Connection(url ?? pageOrigin(), {
      ...rest,
      onEvent: (name, data) => this.#receive(name, data),
      onConnected: () => this.#connected(),
      onDisconnected: (reason) => this.#disconnected(reason),
      onClosed: (error) => this.#givenUp(error),
      onError: (error) => this._report(error),
    });
    this._watches = new Watches(this._connection);
    this._reports = new Reports(this._connection, this.#rooms);
    this.#relays = new Relays(this._connection);
    this.#shared = new Shared(RTCPeerConnection);
  }

  /** This program's id: the same in every room, made from its key. */
  get id(): string {
    return this.identity.id;
  }

  /** The server's URL. */
  get url(): string {
    return this._connection.url;
  }

  /** Whether there is a connection to the server now. */
  get connected(): boolean {
    return this._connection.connected;
  }

  /** How the server is reached: websocket or polling; null before the first connection. */
  get transport(): string | null {
    return this._connection.transport;
  }

  /** The rooms this program has joined, by name. */
  get rooms(): ReadonlyMap<string, Room> {
    return this.#rooms;
  }

  /** Connect to the server; joining does it by itself. Rejects with ConnectionFailed, Refused. */
  async connect(): Promise<this> {
    await this._connection.open();
    return this;
  }

  /** Join a room. Rejects with TypeError, RangeError, ConnectionFailed, Refused. */
  async join(name: string, { profile = {}, p2p = "auto" }: JoinOptions = {}): Promise<Room> {
    if (p2p !== "auto" && p2p !== "eager" && p2p !== "never") {
      throw new TypeError(`p2p is "auto", "eager" or "never", not ${JSON.stringify(p2p)}`);
    }
    checkRoomName(name);
    this.#checkNew(name);
    await this._connection.open();
    this.#checkNew(name); // another call may have been faster
    const membership = new Membership(this.identity, this.#static, name, profile);
    const sendSignal = this.#signal.bind(this);
    const links = new LinkMaker(membership, this.#shared, this.#relays, sendSignal, p2p !== "never");
    const room = new Room(this, membership, p2p, links);
    this.#rooms.set(name, room);
    try {
      await room._presence.join();
      await room._presence.caughtUp(); // who is here is here: what is sent to the room next is for all of them
      room.check();
    } catch (error) {
      await room._abandon(); // the server may have let us in: no member remains of whom nobody knows
      throw error;
    }
    return room;
  }

  /** A room's feed, to post and to watch without joining: see `Feed`. Throws TypeError, RangeError. */
  feed(room: string): Feed {
    return new Feed(room, this._watches);
  }

  /** Leave every room in good order (5 s at most) and disconnect. */
  async close(): Promise<void> {
    try {
      await Promise.all([...this.#rooms.values()].map((room) => room.leave()));
    } finally {
      await this._connection.close();
      this._watches.close(null);
    }
    this.#relays.reset();
    await this._endEvents();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  // ---- inside

  #checkNew(name: string): void {
    if (this.#rooms.has(name)) {
      throw new TypeError(`this client has joined ${JSON.stringify(name)} already: use client.rooms.get(…)`);
    }
  }

  /** An event of the server. What makes no sense is reported and dropped: it must not stop the connection. */
  #receive(name: string, data: unknown): void {
    const event = readEvent(name, data);
    if (event === null) {
      complain("warn", `the server sent a ${JSON.stringify(name)} that makes no sense`);
      return;
    }
    switch (event.name) {
      case "relayed":
        this.#relays.relayed(event.n);
        break;
      case "refused":
        this.#relays.refused(event.n, event.to, event.code);
        break;
      case "roster":
        this.#presence(event.room)?.receiveRoster(event);
        break;
      case "relay":
        this.#presence(event.room)?.receiveRelay(event);
        break;
      case "signal":
        this.#presence(event.room)?.receiveSignal(event);
        break;
      case "replaced":
        this.#presence(event.room)?.receiveEnd(REPLACED);
        break;
      case "room-closed":
        this.#presence(event.room)?.receiveEnd(event.reason);
        break;
      case "post":
      case "missed":
        this._watches.receive(event);
        break;
    }
  }

  #presence(room: string): Room["_presence"] | undefined {
    return this.#rooms.get(room)?._presence;
  }

  #connected(): void {
    for (const room of this.#rooms.values()) room._presence.connected();
    this._watches.connected();
    this._emit("connected");
  }

  #disconnected(reason: string): void {
    this.#relays.reset();
    this._reports.stop();
    for (const room of this.#rooms.values()) room._presence.disconnected();
    this._watches.disconnected();
    this._emit("disconnected", reason);
  }

  #givenUp(error: Error): void {
    this._report(error);
    this._watches.close(error);
    for (const room of this.#rooms.values()) void room._over(`the connection is given up: ${error.message}`);
  }

  #signal(room: string, to: string, kind: SignalKind, attempt: number, packet: Uint8Array): void {
    if (this.#signals >= MAX_SIGNALS) return;
    this.#signals += 1;
    this._connection
      .request("signal", { room, to, kind, attempt, packet })
      .catch((error: unknown) => {
        if (!(error instanceof EitherwayError)) throw error; // else it was not passed on: the attempt has its deadline
      })
      .finally(() => (this.#signals -= 1));
  }

  /** @internal Another program has our place in this room. */
  _replaced(room: Room): void {
    this._emit("replaced", room);
  }

  /** @internal This room is over. */
  _forget(room: Room): void {
    if (this.#rooms.get(room.name) === room) this.#rooms.delete(room.name);
  }

  /** @internal Tell of an error: those who listen, or the console. */
  _report(error: unknown): void {
    if (this._listens("error")) this._emit("error", error);
    else complain("error", error);
  }
}

function pageOrigin(): string {
  if (typeof location === "undefined" || !/^https?:$/.test(location.protocol)) {
    throw new TypeError("name the server: new Client(\"http://127.0.0.1:8080\"); only a page of its own can do without");
  }
  return location.origin;
}
