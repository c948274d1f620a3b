/** What a link core tells, beside the events of its session, and what it gives out to be sent. */

import type { Lane } from "../codec/frames.ts";
import type { Event, Outbound } from "./events.ts";
import type { Flight } from "./routing.ts";
import type { Session } from "./session.ts";

/** The session has a key: the peer's settings are known, signals can be sealed. */
export interface Ready {
  readonly type: "Ready";
}

/** This attempt belonged to a session that is over: close its path. */
export interface DirectEnded {
  readonly type: "DirectEnded";
  readonly attempt: number;
}

/** The session is over; `undelivered` is what the peer has not acknowledged, in order for each channel. */
export interface SessionEnded {
  readonly type: "SessionEnded";
  readonly undelivered: readonly Outbound[];
  readonly reason: string;
}

/** `LinkCore.session` is a new one: nothing is open in it and nothing listened to. */
export interface SessionStarted {
  readonly type: "SessionStarted";
}

export type LinkEvent = Event | Ready | DirectEnded | SessionEnded | SessionStarted;

/**
 * A packet to be sent: by the direct path of `attempt`, or by the relay if that is null.
 *
 * `flights` are the frames in it, of `session`; hand the object back to `relayRefused` if the server refuses it.
 */
export interface Outgoing {
  readonly attempt: number | null;
  readonly lane: Lane;
  readonly packet: Uint8Array;
  readonly flights: readonly Flight[];
  readonly session: Session;
}
