/// <reference lib="esnext.disposable" preserve="true" />
/** The peer library: rooms of peers, over WebRTC data channels or over the server. */

export type { Channel, LaneName, Message, SendOptions } from "./channel.ts";
export { Client, type ClientEvents, type ClientOptions, type JoinOptions } from "./client.ts";
export { ConnectionFailed, EitherwayError, NotInRoom, Refused, TooLarge, Undelivered } from "./errors.ts";
export type { Guest } from "./guests.ts";
export type { Feed, PostOptions } from "./feed.ts";
export type { Post, Watch, WatchOptions } from "./feed-watch.ts";
export { BadIdentity, Identity, type Incarnations } from "./identity.ts";
export type { P2P } from "./members.ts";
export type { Profile } from "./membership.ts";
export { type Claim, claimPageIdentity } from "./page-identity.ts";
export type { DirectStats } from "./paths/direct.ts";
export type { Peer, PeerEvents } from "./peer.ts";
export type { Room, RoomEvents, RoomSendOptions } from "./room.ts";
export type { PathName } from "./session/events.ts";
export type { PathStats, PeerStats } from "./stats.ts";
export type { ChannelOptions } from "./talking.ts";
