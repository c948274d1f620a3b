/** What a session tells: its events, and the names of its paths. */

import type { FrameType, Lane } from "../codec/frames.ts";
import type { ValueMap } from "../codec/values.ts";

export type PathName = "direct" | "relay";

/** The relay, as long as both connections to the server last: (my connection, the peer's). */
export class RelayInstance {
  readonly type = "relay";
  readonly mine: number;
  readonly theirs: number;
  /** What maps know it by: equal for equal instances. */
  readonly key: string;

  constructor(mine: number, theirs: number) {
    this.mine = mine;
    this.theirs = theirs;
    this.key = `relay ${mine} ${theirs}`;
  }
}

/** One direct attempt that has opened. */
export class DirectInstance {
  readonly type = "direct";
  readonly attempt: number;
  readonly key: string;

  constructor(attempt: number) {
    this.attempt = attempt;
    this.key = `direct ${attempt}`;
  }
}

export type Instance = RelayInstance | DirectInstance;

/** A message on its way, as `undelivered` reports it; `context` is the sender's own. */
export interface Outbound {
  readonly channel: number;
  readonly type: FrameType;
  readonly payload: Uint8Array;
  readonly context: unknown;
}

/**
 * A whole message. `charge` goes back to `Session.handled` once the application has handled it.
 *
 * `path` is the one that brought its last frame; `kind` is the frame type, how `payload` is to be read: it has a buffer
 * of its own.
 */
export interface MessageReceived {
  readonly type: "MessageReceived";
  readonly channel: number;
  readonly kind: FrameType;
  readonly payload: Uint8Array;
  readonly charge: number;
  readonly lane: Lane;
  readonly path: PathName;
}

/** A datagram; `number` counts them on their channel, so that older ones can be told. */
export interface DatagramReceived {
  readonly type: "DatagramReceived";
  readonly channel: number;
  readonly number: number;
  readonly kind: FrameType;
  readonly payload: Uint8Array;
  readonly path: PathName;
}

/** The peer opened its direction of a channel; ours is the one with the same label and lane. */
export interface ChannelOpened {
  readonly type: "ChannelOpened";
  readonly channel: number;
  readonly label: string;
  readonly lane: Lane;
  readonly kind: string;
  readonly settings: ValueMap;
}

/** The peer sends no more on this channel. */
export interface ChannelClosed {
  readonly type: "ChannelClosed";
  readonly channel: number;
}

/** `canSend` was false for this channel, and may now be true. */
export interface SendReady {
  readonly type: "SendReady";
  readonly channel: number;
}

/** The peer has handled everything that was sent before this mark. */
export interface Flushed {
  readonly type: "Flushed";
  readonly mark: number;
}

/** Where a new reliable frame would go: "direct", "relay" or nowhere. */
export interface PathChanged {
  readonly type: "PathChanged";
  readonly path: PathName | null;
}

/** A new attempt answered its first ping and is in use: end the older one. */
export interface DirectAdopted {
  readonly type: "DirectAdopted";
  readonly attempt: number;
}

/** The direct path is silent or unproved: the relay carries on. */
export interface Suspected {
  readonly type: "Suspected";
  readonly attempt: number;
}

/** The suspect direct path answers again. */
export interface Trusted {
  readonly type: "Trusted";
  readonly attempt: number;
}

/** The peer answered a ping that `Session.ping` sent; `rtt` in seconds. */
export interface PingAnswered {
  readonly type: "PingAnswered";
  readonly number: number;
  readonly rtt: number;
  readonly path: PathName;
}

/** The peer has ended the session, and everything it sent has arrived. Our bye is on its way. */
export interface ByeReceived {
  readonly type: "ByeReceived";
}

/** Both byes have arrived. Send what `framesToSend` still gives, then let the paths go. */
export interface ByeDone {
  readonly type: "ByeDone";
}

/** The peer broke the protocol (S10): this session is dead. */
export interface SessionFailed {
  readonly type: "SessionFailed";
  readonly reason: string;
}

export type Event =
  | MessageReceived
  | DatagramReceived
  | ChannelOpened
  | ChannelClosed
  | SendReady
  | Flushed
  | PathChanged
  | DirectAdopted
  | Suspected
  | Trusted
  | PingAnswered
  | ByeReceived
  | ByeDone
  | SessionFailed;

/** The peer did what no honest program does; the session ends with these words. It never leaves the session. */
export class PeerLied extends Error {
  override readonly name = "PeerLied";
}
