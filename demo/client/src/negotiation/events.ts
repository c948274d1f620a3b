/** What a negotiation asks for. */

import type { SignalKind } from "../protocol/events.ts";

/** A description as it travels: RTCSessionDescriptionInit, in an answer with the hash of its offer beside it (K5). */
export type Description = { readonly type: string; readonly sdp: string; readonly offer?: string };

/** An RTCIceCandidateInit; null: there are no more. */
export type Candidate = RTCIceCandidateInit | null;

/** What a signal carries. */
export type SignalPayload = { readonly [name: string]: unknown };

/** Begin an attempt: gather, then call `offerReady`. */
export interface MakeOffer {
  readonly type: "MakeOffer";
  readonly attempt: number;
}

/** Begin an attempt of the peer's: take its offer, gather, then call `answerReady`. */
export interface MakeAnswer {
  readonly type: "MakeAnswer";
  readonly attempt: number;
  readonly offer: Description;
}

/** The answer to our offer. */
export interface TakeAnswer {
  readonly type: "TakeAnswer";
  readonly attempt: number;
  readonly answer: Description;
}

/** A candidate of the peer's, always after its description was taken. Null: it has no more. */
export interface TakeCandidate {
  readonly type: "TakeCandidate";
  readonly attempt: number;
  readonly candidate: Candidate;
}

/** Seal this and send it to the peer. */
export interface SendSignal {
  readonly type: "SendSignal";
  readonly kind: SignalKind;
  readonly attempt: number;
  readonly payload: SignalPayload;
}

/** Close the connection of this attempt. Whether `ended` is told of it afterwards makes no difference. */
export interface Abandon {
  readonly type: "Abandon";
  readonly attempt: number;
  readonly reason: string;
}

/** One thing to be done, told apart by its `type`. */
export type NegotiationEvent = MakeOffer | MakeAnswer | TakeAnswer | TakeCandidate | SendSignal | Abandon;
