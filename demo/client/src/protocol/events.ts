/**
 * Every event between a client and the server, as it goes over Socket.IO: the names of the fields are the wire's.
 *
 * Keys, statements and proofs are base64url strings; a profile is JSON text; packets are bytes. Unknown fields are
 * ignored, so that a newer server can talk to an older client. What the server sends is read by `./reading.ts`.
 */

/** What a signal is about. */
export type SignalKind = "request" | "offer" | "answer" | "candidate";
/** Why a member is gone for good. */
export type LeftReason = "left" | "removed" | "closed" | "lost" | "restarted";

// ---- what a client sends

/** `join`: become a member of a room, or come back to it. */
export interface Join {
  readonly room: string;
  readonly peer: string;
  readonly key: string;
  readonly incarnation: number;
  readonly connection: number;
  readonly statement: string;
  readonly proof: string;
  readonly profile: string;
}

/** `leave`: stop being a member. */
export interface Leave {
  readonly room: string;
}

/** `profile`: replace one's own profile, with a statement of a higher profile version. */
export interface Profile {
  readonly room: string;
  readonly profile: string;
  readonly statement: string;
}

/** `signal`: a request, offer, answer or candidate for one peer. `packet` is opaque to the server. */
export interface Signal {
  readonly room: string;
  readonly to: string;
  readonly kind: SignalKind;
  readonly attempt: number;
  readonly packet: unknown;
}

/** `relay`: packets for peers, one for each of `to`, then at most one body for all. `n` counts per connection. */
export interface Relay {
  readonly room: string;
  readonly n: number;
  readonly to: readonly string[];
  readonly packets: readonly Uint8Array[];
}

/** `auth`: a fresh token, before the one that was shown expires. */
export interface Auth {
  readonly token: string;
}

/** `post`: say something on a topic of the room's feed; the same key is the same post. */
export interface Post {
  readonly room: string;
  readonly topic: string;
  readonly event: string;
  readonly data: unknown;
  readonly key: string;
}

/** `watch`: be sent the posts whose topics match, and of those the named events alone if any are named. */
export interface Watch {
  readonly room: string;
  readonly topics: readonly string[];
  readonly events: readonly string[];
  /** The client's own number for it. */
  readonly watch: number;
  /** Go back to what followed the post of this id. */
  readonly since?: number;
}

/** `unwatch`: be sent no more in this watch. */
export interface Unwatch {
  readonly room: string;
  readonly watch: number;
}

/** `report`: how many links are on which path, and after how many seconds links became direct since the last one. */
export interface Report {
  readonly direct: number;
  readonly turn: number;
  readonly relay: number;
  readonly times: readonly number[];
}

/** All that a client sends and that is answered, by event. The bundle keeps the names that stand here. */
export interface Requests {
  readonly auth: Auth;
  readonly join: Join;
  readonly leave: Leave;
  readonly profile: Profile;
  readonly signal: Signal;
  readonly post: Post;
  readonly watch: Watch;
  readonly unwatch: Unwatch;
}

/** All that a client sends and asks no answer for, likewise. */
export interface Notices {
  readonly relay: Relay;
  readonly report: Report;
}

// ---- what the server replies

/** One STUN or TURN server, as in RTCIceServer. `lifetime`: seconds for which the credential holds; null: always. */
export interface IceServer {
  readonly urls: readonly string[];
  readonly username: string | null;
  readonly credential: string | null;
  readonly lifetime: number | null;
}

/** What this server allows, told at join. Bytes and seconds. */
export interface Limits {
  readonly packet: number;
  readonly signal: number;
  readonly profile: number;
  readonly recipients: number;
  readonly peers: number;
  readonly grace: number;
}

/** A member as the roster shows it. `user` and `attributes` come from its verified token. */
export interface Member {
  readonly id: string;
  readonly key: string;
  readonly statement: string;
  readonly profile: string;
  readonly connection: number;
  readonly away: boolean;
  readonly user: string | null;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** The reply to `join`: the room as it is now, the newcomer included, in join order. */
export interface Joined {
  readonly room: string;
  readonly version: number;
  readonly peers: readonly Member[];
  readonly ice_servers: readonly IceServer[];
  readonly limits: Limits;
  readonly resumed: boolean;
  /** Whether the server takes reports. */
  readonly reports: boolean;
}

// ---- what the server sends

/** A new member, or a new incarnation of one. */
export interface PeerJoined {
  readonly change: "peer-joined";
  readonly member: Member;
}

/** A member is gone for good. */
export interface PeerLeft {
  readonly change: "peer-left";
  readonly id: string;
  readonly reason: LeftReason;
}

/** A member's profile changed, which the statement binds, or its attributes, if they are there. */
export interface PeerUpdated {
  readonly change: "peer-updated";
  readonly id: string;
  readonly profile: string;
  readonly statement: string;
  readonly attributes?: { readonly [name: string]: unknown };
}

/** A member's connection dropped; it may come back within the grace time. `reason` is for people. */
export interface PeerAway {
  readonly change: "peer-away";
  readonly id: string;
  readonly reason: string;
}

/** A member has a new connection, after having been away or not. */
export interface PeerBack {
  readonly change: "peer-back";
  readonly id: string;
  readonly connection: number;
  readonly statement: string;
}

/** One change of a roster; `change` tells which. */
export type Change = PeerJoined | PeerLeft | PeerUpdated | PeerAway | PeerBack;

/** `roster`: what changed between two versions. base > mine: join again; version <= mine: ignore. */
export interface Roster {
  readonly room: string;
  readonly base: number;
  readonly version: number;
  readonly changes: readonly Change[];
}

/** `signal`, as the receiver gets it. */
export interface SignalFrom {
  readonly room: string;
  readonly from: string;
  readonly kind: SignalKind;
  readonly attempt: number;
  readonly packet: unknown;
}

/** `relay`, as the receiver gets it. */
export interface RelayFrom {
  readonly room: string;
  readonly from: string;
  readonly packet: Uint8Array;
  readonly body: Uint8Array | null;
}

/** `relayed`: every relay of this connection up to `n` was taken. */
export interface Relayed {
  readonly n: number;
}

/** `refused`: relay `n` was not passed on to `to`. */
export interface Refused {
  readonly n: number;
  readonly to: string;
  readonly code: string;
}

/** `replaced`: a later connection or incarnation of the same id has joined; `statement` is its. */
export interface Replaced {
  readonly room: string;
  readonly statement: string;
}

/** `room-closed`: the room is gone, and everyone in it. */
export interface RoomClosed {
  readonly room: string;
  readonly reason: string;
}

/** `shutdown`: the server is about to leave; come back after so many seconds. */
export interface Shutdown {
  readonly reason: string;
  readonly reconnect_after: number;
}

/** `post`, as a watcher gets it. `from` is a member's id or a token's user; `at` is in milliseconds of Unix time. */
export interface PostFrom {
  readonly room: string;
  readonly id: number;
  readonly topic: string;
  readonly event: string;
  readonly data: unknown;
  readonly from: string;
  readonly at: number;
  readonly watch: number;
}

/** `missed`: this watcher has fallen behind what the room keeps; posts up to `id` may be missing. */
export interface Missed {
  readonly room: string;
  readonly id: number;
  readonly watch: number;
}

/** The reply to `watch`: the newest post's id, and whether posts since `since` may be gone. */
export interface Watching {
  readonly id: number;
  readonly missed: boolean;
}
