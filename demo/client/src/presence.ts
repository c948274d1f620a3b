import { after, now, soon } from "./clock.ts";
import { complain } from "./complaints.ts";
import type { Connection } from "./connection.ts";
import { ConnectionFailed, EitherwayError, Refused } from "./errors.ts";
import type { Guest } from "./guests.ts";
import { listenForEnd } from "./hints.ts";
import type { Membership } from "./membership.ts";
import type { IceServer, Joined, LeftReason, RelayFrom, Roster, SignalFrom } from "./protocol/events.ts";
import { isGuest } from "./protocol/ids.ts";
import { readJoined } from "./protocol/reading.ts";
import { RosterCore, type RosterEvent, type RosterMember } from "./roster.ts";

/** For so many seconds a frame or signal of a peer not yet on the roster is held (rule S11). */
const STRANGER_SECONDS = 2;
/** Frames and signals of strangers held at a time; the oldest are dropped. */
const MAX_HELD = 64;
/** Roster deltas held while joining; beyond that the gap makes this program join again. */
const MAX_EARLY = 256;
/** Seconds for which a large roster may hold the event loop. */
const SLICE = 0.008;
/** Between these parts of their lifetime, credentials for TURN servers are asked for anew: not by all at once. */
const RENEWED_AFTER = [0.5, 0.75] as const;
/** Seconds: no sooner and no later, whatever lifetime the server tells. */
const RENEWED_WITHIN = [1, 86_400] as const;
/** Why a room is over whose place was taken. */
export const REPLACED = "replaced by another program with the same identity";
/** Refusals that no new try mends. */
const FINAL = ["bad-request", "unauthorized", "forbidden", "not-found"];

/** A sealed packet that came by way of the server: relayed frames, or a signal. */
export interface Packet {
  /** What the server says of a signal; null for relayed frames. */
  readonly signal: Pick<SignalFrom, "kind" | "attempt"> | null;
  readonly packet: Uint8Array;
}

/** Who is told: the room. */
export interface Audience {
  appeared(member: RosterMember): void;
  vanished(id: string, reason: LeftReason): void;
  changed(id: string, profile: string, attributes: RosterMember["attributes"]): void;
  /** The connections between which a peer can be relayed to; null where there is none. */
  relay(id: string, mine: number | null, theirs: number | null): void;
  guestCame(guest: Guest): void;
  guestLeft(guest: Guest, reason: LeftReason): void;
  /** A packet of a peer; false if there is no such peer. */
  packet(from: string, packet: Packet): boolean;
  /** The room is over for this program. */
  over(reason: string): void;
}

interface Held {
  readonly since: number;
  readonly from: string;
  readonly packet: Packet;
}

/**
 * One program in one room, from the first `join` to `leave`: it joins on every new connection, and keeps believing what
 * it should of the others (rules V1, V2 and S11). `onJoined` gets the reply to each.
 */
export class Presence {
  readonly membership: Membership;
  readonly #connection: Connection;
  readonly #audience: Audience;
  readonly #onJoined: (joined: Joined) => void;
  readonly #roster: RosterCore;
  /** My connection, as it is known to the room. */
  #mine: number | null = null;
  /** The connection on which the server may have let us in, whether or not it has said so. */
  #asked: number | null = null;
  readonly #ids = new Set<string>();
  #held: Held[] = [];
  /** Deltas that came while a reply to `join` is awaited. */
  #early: Roster[] | null = null;
  /** The connection that is being joined on. */
  #joining: number | null = null;
  #timer: (() => void) | null = null;
  #renewal: (() => void) | null = null;
  #resting = false;
  #over = false;
  /** A page that ends has time for one word: else it would be away to the others for the grace time. */
  readonly #stopListening = listenForEnd(() => {
    this.#connection.hurry();
    void this.leave();
  });

  constructor(
    membership: Membership,
    connection: Connection,
    audience: Audience,
    onJoined: (joined: Joined) => void,
  ) {
    this.membership = membership;
    this.#connection = connection;
    this.#audience = audience;
    this.#onJoined = onJoined;
    this.#roster = new RosterCore(membership.room, membership.identity.id);
  }

  /** The room's guests by id. */
  get guests(): ReadonlyMap<string, Guest> {
    return this.#roster.guests.all;
  }

  // ---- joining

  /** Join on the connection there is now. Rejects with Refused, ConnectionFailed. */
  async join(): Promise<void> {
    this.#early = [];
    try {
      await this.#join(this.#connection.number);
    } finally {
      this.#early = null;
    }
  }

  async #join(number: number): Promise<void> {
    const first = !this.#roster.joined;
    let reply: unknown;
    try {
      reply = await this.#requestJoin(number);
    } catch (error) {
      // Our clock may be behind that of an earlier life: a program that has not been here may try once more.
      if (!(error instanceof Refused) || error.code !== "replaced" || !first) throw error;
      if (!this.membership.outbid(error.statement)) throw error;
      reply = await this.#requestJoin(number);
    }
    let joined: Joined;
    try {
      joined = readJoined(reply);
    } catch (error) {
      throw new ConnectionFailed(`the server's reply to \`join\` makes no sense: ${String(error)}`);
    }
    if (this.#over || number !== this.#connection.number || !this.#connection.connected) return;
    this.#mine = number;
    this.#onJoined(joined);
    this.#renewBeforeTheyExpire(joined.ice_servers);
    this.#roster.receiveJoined(joined, now());
    for (const delta of this.#early ?? []) this.#roster.receiveDelta(delta, now());
    this.#process();
    for (const id of this.#ids) this.#tellRelay(id);
  }

  /** Join again when credentials for TURN servers are about to expire: the reply has fresh ones (V1). */
  #renewBeforeTheyExpire(servers: readonly IceServer[]): void {
    this.#renewal?.();
    this.#renewal = null;
    const lifetimes = servers.map(({ lifetime }) => lifetime).filter((lifetime) => lifetime !== null);
    if (lifetimes.length > 0) {
      const [least, most] = RENEWED_AFTER;
      const part = least + Math.random() * (most - least);
      const [soonest, latest] = RENEWED_WITHIN;
      const delay = Math.min(latest, Math.max(soonest, Math.min(...lifetimes) * part));
      this.#renewal = after(delay, () => this.connected());
    }
  }

  /** Until the room has been told of everything that has come so far: a roster may take several slices. */
  async caughtUp(): Promise<void> {
    while (this.#resting && !this.#over) await new Promise<void>(soon);
  }

  async #requestJoin(number: number): Promise<unknown> {
    const { origin, sid } = this.#connection;
    const event = this.membership.join({ origin, sid, connection: number });
    this.#asked = number;
    try {
      return await this.#connection.request("join", event);
    } catch (error) {
      if (error instanceof Refused) this.#asked = null;
      throw error;
    }
  }

  /** Whether the room has been joined on the connection that there is now. */
  get joined(): boolean {
    return this.#mine !== null;
  }

  /** There is a new connection: join on it, for as long as it lasts. */
  connected(): void {
    const { number } = this.#connection;
    if (!this.#over && this.#joining !== number) {
      this.#joining = number;
      void this.#joinUntilDone(number).finally(() => {
        if (this.#joining === number) this.#joining = null;
      });
    }
  }

  async #joinUntilDone(number: number): Promise<void> {
    const wanted = (): boolean => !this.#over && this.#joining === number && this.#connection.connected;
    while (wanted()) {
      try {
        await this.join();
        return;
      } catch (error) {
        if (!(error instanceof EitherwayError)) throw error;
        if (!wanted()) return;
        if (!(error instanceof Refused)) continue; // it did not answer in time: ask again
        if (error.code === "replaced") return this.#audience.over(REPLACED);
        if (FINAL.includes(error.code)) return this.#audience.over(error.message);
        await new Promise<void>((resolve) => after((error.retryAfter ?? 1000) / 1000, resolve));
      }
    }
  }

  /** The connection is gone; the next one is joined on. */
  disconnected(): void {
    this.#mine = null;
    this.#joining = null;
    this.#renewal?.();
    for (const id of this.#ids) this.#tellRelay(id);
  }

  /** Tell the server, if it can be told. */
  async leave(): Promise<void> {
    if (this.#asked !== this.#connection.number || !this.#connection.connected) return;
    try {
      await this.#connection.request("leave", { room: this.membership.room }, 2);
    } catch (error) {
      if (!(error instanceof EitherwayError)) throw error; // else the grace time will tell the server
    }
  }

  /** Do nothing more. */
  stop(): void {
    this.#over = true;
    this.#joining = null;
    this.#timer?.();
    this.#renewal?.();
    this.#stopListening();
  }

  // ---- what the server sends

  /** What changed in this room. */
  receiveRoster(delta: Roster): void {
    if (this.#over) return;
    if (this.#early !== null) {
      if (this.#early.length >= MAX_EARLY) this.#early.shift();
      this.#early.push(delta);
      return;
    }
    this.#roster.receiveDelta(delta, now());
    this.#process();
  }

  /** Frames that a peer has relayed to us. */
  receiveRelay({ from, packet }: RelayFrom): void {
    this.#receive(from, { signal: null, packet });
  }

  /** A signal of a peer. One that is not sealed is none of a link's. */
  receiveSignal({ from, kind, attempt, packet }: SignalFrom): void {
    if (packet instanceof Uint8Array) this.#receive(from, { signal: { kind, attempt }, packet });
  }

  /** The room is over for this program. */
  receiveEnd(reason: string): void {
    if (!this.#over) this.#audience.over(reason);
  }

  #receive(from: string, packet: Packet): void {
    if (this.#over || isGuest(from) || this.#audience.packet(from, packet)) return;
    if (this.#held.length >= MAX_HELD) this.#held.shift();
    this.#held.push({ since: now(), from, packet });
  }

  /** Pass on what the roster has come to believe: a large one in slices, since each statement costs its check. */
  #process(): void {
    const until = now() + SLICE;
    if (this.#resting) return;
    for (let event = this.#roster.nextEvent(); event !== null; event = this.#roster.nextEvent()) {
      this.#passOn(event);
      if (now() > until) {
        this.#resting = true;
        soon(() => {
          this.#resting = false;
          if (!this.#over) this.#process();
        });
        return;
      }
    }
    this.#timer?.();
    const when = this.#roster.nextTimeout();
    this.#timer = when === null ? null : after(when - now(), () => this.#timeout());
  }

  #passOn(event: RosterEvent): void {
    switch (event.type) {
      case "PeerAppeared":
        this.#ids.add(event.member.id);
        this.#audience.appeared(event.member);
        this.#tellRelay(event.member.id);
        this.#release(event.member.id);
        break;
      case "PeerVanished":
        this.#ids.delete(event.id);
        this.#audience.vanished(event.id, event.reason);
        break;
      case "PeerChanged":
        this.#audience.changed(event.id, event.profile, event.attributes);
        break;
      case "PeerWentAway":
      case "PeerCameBack":
        this.#tellRelay(event.id);
        break;
      case "GuestCame":
        this.#audience.guestCame(event.guest);
        break;
      case "GuestLeft":
        this.#audience.guestLeft(event.guest, event.reason);
        break;
      case "BadMember":
        complain("warn", `a member of ${JSON.stringify(this.membership.room)} is not shown: ${event.why}`);
        break;
      case "MustJoinAgain":
        this.connected();
        break;
    }
  }

  #tellRelay(id: string): void {
    const member = this.#roster.member(id);
    const theirs = member === undefined || member.away ? null : member.connection;
    this.#audience.relay(id, this.#mine, theirs);
  }

  /** What came of a peer before it was announced. */
  #release(id: string): void {
    const oldest = now() - STRANGER_SECONDS;
    const held = this.#held;
    this.#held = held.filter(({ since, from }) => since >= oldest && from !== id);
    for (const { since, from, packet } of held) {
      if (since >= oldest && from === id) this.#audience.packet(from, packet);
    }
  }

  #timeout(): void {
    this.#roster.handleTimeout(now());
    this.#process();
  }
}
