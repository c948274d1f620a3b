/// <reference lib="esnext.disposable" preserve="true" />
/** The peer library: rooms of peers, over WebRTC data channels or over the server. */

export { Channel, type LaneName, type Message, type SendOptions } from "./channel.ts";
export { Client, type ClientEvents, type ClientOptions, type JoinOptions } from "./client.ts";
export { ConnectionFailed, EitherwayError, NotInRoom, Refused, TooLarge, Undelivered } from "./errors.ts";
export { Identity } from "./identity.ts";
export type { Profile } from "./membership.ts";
export { pageIdentity } from "./page-identity.ts";
export type { DirectStats } from "./paths/direct.ts";
export { Peer, type PeerEvents } from "./peer.ts";
export { type P2P, Room, type RoomEvents, type RoomSendOptions } from "./room.ts";
export type { PathName } from "./session/events.ts";
export type { PathStats, PeerStats } from "./stats.ts";
export type { ChannelOptions } from "./talking.ts";
