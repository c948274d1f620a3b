/** Negotiations in the states that tests begin with, what they ask for, and their clock. */

import { expect } from "vitest";

import { Negotiation, type NegotiationEvent } from "../../src/negotiation/index.ts";
import type { Window } from "../../src/negotiation/retry.ts";
import { hashOf } from "../../src/negotiation/signals.ts";
import type { SignalKind } from "../../src/protocol/events.ts";
import { seeded } from "./random.ts";

export const OFFER = { type: "offer", sdp: "v=0 offer" };
export const ANSWER = { type: "answer", sdp: "v=0 answer" };
export const SEALED_ANSWER = { ...ANSWER, offer: hashOf(OFFER) };
export const CANDIDATE = { candidate: "candidate:1 1 udp 1 192.0.2.1 1 typ host", sdpMid: "0", sdpMLineIndex: 0 };
export const SLACK = 1e-6;

export const makeOffer = (attempt: number): NegotiationEvent => ({ type: "MakeOffer", attempt });
export const makeAnswer = (attempt: number): NegotiationEvent => ({ type: "MakeAnswer", attempt, offer: OFFER });
export const takeAnswer = (attempt: number): NegotiationEvent => ({ type: "TakeAnswer", attempt, answer: ANSWER });
export const takeCandidate = (attempt: number, candidate: typeof CANDIDATE | null): NegotiationEvent => ({
  type: "TakeCandidate",
  attempt,
  candidate,
});
export const sendSignal = (kind: SignalKind, attempt: number, payload: object): NegotiationEvent => ({
  type: "SendSignal",
  kind,
  attempt,
  payload: payload as Record<string, unknown>,
});

export function make(options: { offers: boolean; wants?: boolean; now?: number }): Negotiation {
  const { offers, wants = true, now = 0 } = options;
  const negotiation = new Negotiation({ offers, random: seeded(1), now });
  negotiation.setAllowed(true, now);
  if (wants) negotiation.want(now);
  return negotiation;
}

export function drain(negotiation: Negotiation): NegotiationEvent[] {
  const events: NegotiationEvent[] = [];
  for (let event = negotiation.nextEvent(); event !== null; event = negotiation.nextEvent()) events.push(event);
  return events;
}

export function abandoned(negotiation: Negotiation): number[] {
  return drain(negotiation).flatMap((event) => (event.type === "Abandon" ? [event.attempt] : []));
}

/** An offerer whose first offer has just left. */
export function offered(now = 0): Negotiation {
  const negotiation = make({ offers: true, now });
  negotiation.offerReady(1, OFFER, now);
  drain(negotiation);
  return negotiation;
}

/** An answerer whose first answer has just left. */
export function answered(now = 0): Negotiation {
  const negotiation = make({ offers: false, now });
  negotiation.receive("offer", 1, OFFER, now);
  negotiation.answerReady(1, ANSWER, now);
  drain(negotiation);
  return negotiation;
}

/** An offerer whose first attempt is live. */
export function adopted(now = 0): Negotiation {
  const negotiation = offered(now);
  negotiation.receive("answer", 1, SEALED_ANSWER, now);
  negotiation.opened(1, now);
  negotiation.adopted(1, now);
  drain(negotiation);
  return negotiation;
}

export function due(negotiation: Negotiation): number {
  const at = negotiation.nextTimeout();
  if (at === null) throw new Error("nothing is due");
  return at;
}

/** Let the next timer fire, and say when that was. */
export function wait(negotiation: Negotiation): number {
  const at = due(negotiation);
  negotiation.handleTimeout(at);
  return at;
}

export function within(seconds: number, [from, to]: Window, factor = 1): void {
  expect(seconds).toBeGreaterThanOrEqual(from * factor - SLACK);
  expect(seconds).toBeLessThanOrEqual(to * factor + SLACK);
}
