/** The negotiation of attempts, case by case: S9, and the part of K5 that concerns signals. */

import { describe, expect, test } from "vitest";

import { DEADLINE, GRACE, MAX_CANDIDATES, SAY_AGAIN } from "../../src/negotiation/attempt.ts";
import { Negotiation, type NegotiationEvent } from "../../src/negotiation/index.ts";
import {
  AGAIN,
  Allowance,
  DOUBT,
  MENDED,
  MENDING,
  PATIENCE,
  RETRY,
  RETRY_MOST,
  STEADY,
  type Window,
} from "../../src/negotiation/retry.ts";
import { hashOf } from "../../src/negotiation/signals.ts";
import type { SignalKind } from "../../src/protocol/events.ts";
import { seeded } from "./random.ts";

const OFFER = { type: "offer", sdp: "v=0 offer" };
const ANSWER = { type: "answer", sdp: "v=0 answer" };
const SEALED_ANSWER = { ...ANSWER, offer: hashOf(OFFER) };
const CANDIDATE = { candidate: "candidate:1 1 udp 1 192.0.2.1 1 typ host", sdpMid: "0", sdpMLineIndex: 0 };
const SLACK = 1e-6;

const makeOffer = (attempt: number): NegotiationEvent => ({ type: "MakeOffer", attempt });
const makeAnswer = (attempt: number): NegotiationEvent => ({ type: "MakeAnswer", attempt, offer: OFFER });
const takeAnswer = (attempt: number): NegotiationEvent => ({ type: "TakeAnswer", attempt, answer: ANSWER });
const takeCandidate = (attempt: number, candidate: typeof CANDIDATE | null): NegotiationEvent => ({
  type: "TakeCandidate",
  attempt,
  candidate,
});
const sendSignal = (kind: SignalKind, attempt: number, payload: object): NegotiationEvent => ({
  type: "SendSignal",
  kind,
  attempt,
  payload: payload as Record<string, unknown>,
});

function make(options: { offers: boolean; wants?: boolean; now?: number }): Negotiation {
  const { offers, wants = true, now = 0 } = options;
  const negotiation = new Negotiation({ offers, random: seeded(1), now });
  negotiation.setAllowed(true, now);
  if (wants) negotiation.want(now);
  return negotiation;
}

function drain(negotiation: Negotiation): NegotiationEvent[] {
  const events: NegotiationEvent[] = [];
  for (let event = negotiation.nextEvent(); event !== null; event = negotiation.nextEvent()) events.push(event);
  return events;
}

function abandoned(negotiation: Negotiation): number[] {
  return drain(negotiation).flatMap((event) => (event.type === "Abandon" ? [event.attempt] : []));
}

/** An offerer whose first offer has just left. */
function offered(now = 0): Negotiation {
  const negotiation = make({ offers: true, now });
  negotiation.offerReady(1, OFFER, now);
  drain(negotiation);
  return negotiation;
}

/** An answerer whose first answer has just left. */
function answered(now = 0): Negotiation {
  const negotiation = make({ offers: false, now });
  negotiation.receive("offer", 1, OFFER, now);
  negotiation.answerReady(1, ANSWER, now);
  drain(negotiation);
  return negotiation;
}

/** An offerer whose first attempt is live. */
function adopted(now = 0): Negotiation {
  const negotiation = offered(now);
  negotiation.receive("answer", 1, SEALED_ANSWER, now);
  negotiation.opened(1, now);
  negotiation.adopted(1, now);
  drain(negotiation);
  return negotiation;
}

function due(negotiation: Negotiation): number {
  const at = negotiation.nextTimeout();
  if (at === null) throw new Error("nothing is due");
  return at;
}

/** Let the next timer fire, and say when that was. */
function wait(negotiation: Negotiation): number {
  const at = due(negotiation);
  negotiation.handleTimeout(at);
  return at;
}

function within(seconds: number, [from, to]: Window, factor = 1): void {
  expect(seconds).toBeGreaterThanOrEqual(from * factor - SLACK);
  expect(seconds).toBeLessThanOrEqual(to * factor + SLACK);
}

describe("an attempt", () => {
  test("the offering side offers as soon as it is wanted and allowed", () => {
    const negotiation = new Negotiation({ offers: true, random: seeded(1), now: 0 });
    negotiation.want(0);
    expect([drain(negotiation), negotiation.nextTimeout()]).toEqual([[], null]);
    negotiation.setAllowed(true, 1);
    expect(drain(negotiation)).toEqual([makeOffer(1)]);
    negotiation.offerReady(1, OFFER, 1);
    expect(drain(negotiation)).toEqual([sendSignal("offer", 1, OFFER)]);
  });

  test("the answering side asks when no offer comes, and asks again", () => {
    const negotiation = make({ offers: false });
    negotiation.traffic(0);
    expect(drain(negotiation)).toEqual([]);
    const first = wait(negotiation);
    within(first, PATIENCE);
    expect(drain(negotiation)).toEqual([sendSignal("request", 0, { seen: 0 })]);
    within(wait(negotiation) - first, RETRY);
    expect(drain(negotiation)).toEqual([sendSignal("request", 0, { seen: 0 })]);
  });

  test("a whole one on both sides", () => {
    const offering = make({ offers: true });
    const answering = make({ offers: false });
    expect(drain(offering)).toEqual([makeOffer(1)]);
    offering.offerReady(1, OFFER, 0);
    expect(drain(offering)).toEqual([sendSignal("offer", 1, OFFER)]);
    answering.receive("offer", 1, OFFER, 0);
    expect(drain(answering)).toEqual([makeAnswer(1)]);
    answering.answerReady(1, ANSWER, 0);
    expect(drain(answering)).toEqual([sendSignal("answer", 1, SEALED_ANSWER)]);
    offering.receive("answer", 1, SEALED_ANSWER, 0);
    expect(drain(offering)).toEqual([takeAnswer(1)]);
    for (const side of [offering, answering]) {
      side.opened(1, 0.1);
      side.adopted(1, 0.2);
      expect([side.live, side.inProgress, side.nextTimeout(), drain(side)]).toEqual([1, null, null, []]);
    }
  });

  test("the old path goes only when the new one is adopted", () => {
    const negotiation = answered();
    negotiation.opened(1, 0);
    negotiation.adopted(1, 0);
    negotiation.receive("offer", 2, OFFER, 20);
    negotiation.answerReady(2, ANSWER, 20);
    negotiation.opened(2, 20);
    expect(abandoned(negotiation)).toEqual([]);
    negotiation.adopted(2, 20.1);
    expect(abandoned(negotiation)).toEqual([1]);
  });

  test("a newer offer replaces the one in progress", () => {
    const negotiation = answered();
    negotiation.receive("offer", 2, OFFER, 1);
    expect(drain(negotiation)).toMatchObject([{ type: "Abandon", attempt: 1 }, makeAnswer(2)]);
    negotiation.answerReady(1, ANSWER, 1);
    negotiation.opened(1, 1);
    negotiation.adopted(1, 1);
    expect([drain(negotiation), negotiation.live]).toEqual([[], null]);
  });

  test("an offer that comes twice or late is ignored", () => {
    const negotiation = answered();
    negotiation.receive("offer", 2, OFFER, 1);
    drain(negotiation);
    for (const number of [1, 2]) negotiation.receive("offer", number, OFFER, 1);
    expect(drain(negotiation)).toEqual([]);
    expect(negotiation.ignored).toEqual(new Map([["stale", 2]]));
  });

  test("an offer without an answer is sent again with its candidates, ever later", () => {
    const negotiation = offered();
    negotiation.candidateFound(1, CANDIDATE, 0.1);
    drain(negotiation);
    const times: number[] = [];
    for (let at = wait(negotiation); at < DEADLINE; at = wait(negotiation)) {
      times.push(at);
      expect(drain(negotiation)).toEqual([sendSignal("offer", 1, OFFER), sendSignal("candidate", 1, CANDIDATE)]);
    }
    expect(times).toEqual([SAY_AGAIN, SAY_AGAIN * 3, SAY_AGAIN * 7]);
    expect(abandoned(negotiation)).toEqual([1]);
  });

  test("an offer that comes again is answered again by the same, not always, and another one not at all", () => {
    const negotiation = answered();
    negotiation.candidateFound(1, CANDIDATE, 0.1);
    drain(negotiation);
    negotiation.receive("offer", 1, OFFER, 1);
    expect(drain(negotiation)).toEqual([sendSignal("answer", 1, SEALED_ANSWER), sendSignal("candidate", 1, CANDIDATE)]);
    negotiation.candidateFound(1, null, 1.1);
    expect(drain(negotiation)).toEqual([sendSignal("candidate", 1, { candidate: null })]);
    negotiation.receive("offer", 1, { ...OFFER, sdp: "v=0 other" }, 1);
    expect(drain(negotiation)).toEqual([]);
    expect(negotiation.ignored).toEqual(new Map([["stale", 1]]));
    for (let count = 0; count < 1_000; count += 1) negotiation.receive("offer", 1, OFFER, 1 + count / 100);
    const answers = drain(negotiation).filter((event) => event.type === "SendSignal" && event.kind === "answer");
    expect(answers.length).toBeLessThanOrEqual(Allowance.BURST + 10);
    expect(negotiation.begun).toBe(1);
  });

  test("an answer to another offer is ignored", () => {
    const negotiation = offered();
    negotiation.receive("answer", 1, { ...ANSWER, offer: hashOf({ type: "offer", sdp: "v=0 other" }) }, 0);
    negotiation.receive("answer", 1, ANSWER, 0);
    expect(drain(negotiation)).toEqual([]);
    negotiation.receive("answer", 1, SEALED_ANSWER, 0);
    negotiation.receive("answer", 1, SEALED_ANSWER, 0);
    expect(drain(negotiation)).toEqual([takeAnswer(1)]);
    expect(negotiation.ignored).toEqual(new Map([["other-offer", 2], ["stale", 1]]));
    expect(wait(negotiation)).toBe(DEADLINE); // it is sent no more
  });

  test("the hash of an offer is that of its text, as in Python", () => {
    expect(hashOf({ type: "offer", sdp: "v=0\r\n" })).toBe("TPV2JwlfvEiG3jePyzQHkXysogvweMo_D6w-XKmxktg");
  });
});

describe("requests", () => {
  test("one brings about an offer though this side wants none", () => {
    const negotiation = make({ offers: true, wants: false });
    negotiation.receive("request", 0, { seen: 0 }, 0);
    expect(drain(negotiation)).toEqual([makeOffer(1)]);
    negotiation.ended(1, 1);
    expect(negotiation.nextTimeout()).toBeNull();
  });

  test.each([0, 1])("one while an attempt is within its deadline is ignored (seen %i)", (seen) => {
    const negotiation = offered();
    negotiation.receive("request", 0, { seen }, 1);
    expect(drain(negotiation)).toEqual([]);
    expect(negotiation.ignored).toEqual(new Map([["in-progress", 1]]));
  });

  test("one that does not know the live attempt is ignored; one whose path has ended brings a new attempt", () => {
    const negotiation = adopted();
    negotiation.receive("request", 0, { seen: 0 }, 1);
    expect(drain(negotiation)).toEqual([]);
    expect(negotiation.ignored).toEqual(new Map([["stale", 1]]));
    negotiation.receive("request", 1, { seen: 1 }, 1);
    expect(drain(negotiation)).toEqual([makeOffer(2)]);
    expect([negotiation.live, negotiation.inProgress]).toEqual([1, 2]);
  });
});

describe("candidates", () => {
  test("they wait for the description they belong to", () => {
    const negotiation = make({ offers: false });
    negotiation.receive("candidate", 1, CANDIDATE, 0);
    negotiation.receive("offer", 1, OFFER, 0);
    negotiation.receive("candidate", 1, { candidate: null }, 0);
    negotiation.candidateFound(1, CANDIDATE, 0);
    expect(drain(negotiation)).toEqual([makeAnswer(1)]);
    negotiation.answerReady(1, ANSWER, 0);
    expect(drain(negotiation)).toEqual([
      sendSignal("answer", 1, SEALED_ANSWER),
      sendSignal("candidate", 1, CANDIDATE),
      takeCandidate(1, CANDIDATE),
      takeCandidate(1, null),
    ]);
  });

  test("they wait for the answer", () => {
    const negotiation = make({ offers: true });
    negotiation.candidateFound(1, CANDIDATE, 0);
    negotiation.offerReady(1, OFFER, 0);
    expect(drain(negotiation).slice(1)).toEqual([sendSignal("offer", 1, OFFER), sendSignal("candidate", 1, CANDIDATE)]);
    negotiation.receive("candidate", 1, CANDIDATE, 0);
    expect(drain(negotiation)).toEqual([]);
    negotiation.receive("answer", 1, SEALED_ANSWER, 0);
    expect(drain(negotiation)).toEqual([takeAnswer(1), takeCandidate(1, CANDIDATE)]);
    negotiation.receive("candidate", 1, { ...CANDIDATE, usernameFragment: "x" }, 0);
    expect(drain(negotiation)).toEqual([takeCandidate(1, CANDIDATE)]);
  });

  test("they are bounded in both directions, and so are those that overtake", () => {
    const negotiation = make({ offers: false });
    for (let attempt = 1; attempt < 10; attempt += 1) {
      for (let count = 0; count < MAX_CANDIDATES + 5; count += 1) negotiation.receive("candidate", attempt, CANDIDATE, 0);
    }
    negotiation.receive("offer", 2, OFFER, 0);
    negotiation.answerReady(2, ANSWER, 0);
    negotiation.receive("candidate", 2, CANDIDATE, 0);
    for (let count = 0; count < MAX_CANDIDATES + 5; count += 1) negotiation.candidateFound(2, CANDIDATE, 0);
    const events = drain(negotiation);
    expect(events.filter((event) => event.type === "TakeCandidate")).toHaveLength(MAX_CANDIDATES);
    expect(events.filter((event) => event.type === "SendSignal" && event.kind === "candidate")).toHaveLength(MAX_CANDIDATES);
    expect(negotiation.ignored.get("too-many")).toBeGreaterThan(0);
  });
});

describe("trying again", () => {
  test("an attempt that is late is abandoned, and tried again later each time", () => {
    const negotiation = make({ offers: true });
    const waits: number[] = [];
    let begun = 0;
    for (let number = 1; number < 9; number += 1) {
      expect(drain(negotiation)).toEqual([makeOffer(number)]);
      const late = wait(negotiation);
      expect(late - begun).toBeCloseTo(DEADLINE);
      expect(abandoned(negotiation)).toEqual([number]);
      negotiation.traffic(late);
      begun = wait(negotiation);
      waits.push(begun - late);
    }
    // The first has had no traffic before it.
    for (const [index, waited] of waits.slice(1).entries()) {
      const factor = 2 ** (index + 1);
      if (waited < RETRY_MOST - SLACK) within(waited, RETRY, factor);
      expect(waited).toBeLessThanOrEqual(RETRY_MOST + SLACK);
    }
    expect(waits.at(-1)).toBeCloseTo(RETRY_MOST);
  });

  test("without traffic a retry waits, and traffic brings it forward", () => {
    const negotiation = offered();
    negotiation.ended(1, 1);
    expect(negotiation.nextTimeout()).toBe(1 + RETRY_MOST);
    negotiation.traffic(2);
    const at = due(negotiation);
    within(at, [2, 1 + RETRY[1]]);
    negotiation.traffic(3);
    expect(negotiation.nextTimeout()).toBe(at);
  });

  test("wanting again does not evade the backoff", () => {
    const negotiation = offered();
    negotiation.traffic(1);
    negotiation.ended(1, 1);
    const at = negotiation.nextTimeout();
    negotiation.want(1);
    expect([drain(negotiation), negotiation.nextTimeout()]).toEqual([[], at]);
  });

  test("a path that ends is replaced at once, but one that flaps is not", () => {
    const negotiation = adopted();
    negotiation.traffic(STEADY);
    negotiation.ended(1, STEADY);
    within(wait(negotiation) - STEADY, AGAIN);
    expect(drain(negotiation)).toEqual([makeOffer(2)]);
    negotiation.offerReady(2, OFFER, 11);
    negotiation.receive("answer", 2, SEALED_ANSWER, 11);
    negotiation.opened(2, 11);
    negotiation.adopted(2, 11);
    negotiation.ended(2, 12);
    within(wait(negotiation) - 12, RETRY);
  });

  test.each([true, false])("a suspect path that stays silent gets another attempt beside it (offers: %s)", (offers) => {
    const negotiation = offers ? adopted() : answered();
    negotiation.opened(1, 1);
    negotiation.adopted(1, 1);
    negotiation.suspected(1, 20);
    within(wait(negotiation) - 20, DOUBT);
    expect(drain(negotiation)).toEqual([offers ? makeOffer(2) : sendSignal("request", 1, { seen: 1 })]);
    expect(negotiation.live).toBe(1);
  });

  test("a suspect path that answers in time gets none", () => {
    const negotiation = adopted();
    negotiation.suspected(1, 20);
    negotiation.answers(1, 21);
    expect(negotiation.nextTimeout()).toBeNull();
    negotiation.suspected(1, 30);
    expect(negotiation.nextTimeout()).not.toBeNull();
  });

  test("while a network is mended attempts follow each other, and then back off", () => {
    const negotiation = adopted();
    negotiation.suspected(1, 20);
    const begun: number[] = [];
    while (begun.length < 5 || (begun.at(-5) ?? 0) < 20 + MENDING) {
      const at = wait(negotiation);
      begun.push(at);
      negotiation.traffic(at);
      wait(negotiation); // its deadline
    }
    const mending = begun.filter((at) => at + DEADLINE < 20 + MENDING).length;
    const pauses = begun.slice(1).map((later, index) => later - (begun[index] ?? 0) - DEADLINE);
    for (const pause of pauses.slice(0, mending)) within(pause, MENDED);
    expect(pauses.length - mending).toBeGreaterThanOrEqual(3);
    for (const [index, pause] of pauses.slice(mending).entries()) within(pause, RETRY, 2 ** index);
  });

  test.each([true, false])("when signals get through again there is another attempt at once (offers: %s)", (offers) => {
    const negotiation = make({ offers });
    let now = 0;
    for (let round = 0; round < 6; round += 1) {
      now = wait(negotiation);
      negotiation.traffic(now);
    }
    drain(negotiation);
    negotiation.reachable(now + 5);
    within(wait(negotiation) - now - 5, AGAIN);
    const expected = offers ? makeOffer(negotiation.begun) : sendSignal("request", 0, { seen: 0 });
    expect(drain(negotiation).at(-1)).toEqual(expected);
  });

  test.each([true, false])("nothing is tried while signals do not get through (offers: %s)", (offers) => {
    const negotiation = new Negotiation({ offers, random: seeded(1), now: 0 });
    negotiation.unreachable();
    negotiation.setAllowed(true, 0);
    negotiation.want(0);
    expect([negotiation.nextTimeout(), drain(negotiation)]).toEqual([null, []]);
    negotiation.reachable(1);
    within(wait(negotiation) - 1, AGAIN);
    expect(drain(negotiation)).toEqual([offers ? makeOffer(1) : sendSignal("request", 0, { seen: 0 })]);
  });

  test("an attempt that connects when signals get through again has a little time left", () => {
    const connecting = offered();
    connecting.receive("answer", 1, SEALED_ANSWER, 1);
    drain(connecting);
    connecting.reachable(2);
    expect([connecting.inProgress, drain(connecting)]).toEqual([1, []]);
    expect(wait(connecting)).toBeCloseTo(2 + GRACE);
    expect(abandoned(connecting)).toEqual([1]);
    within(wait(connecting) - 2 - GRACE, AGAIN);
    expect(drain(connecting)).toEqual([makeOffer(2)]);
  });

  test("a peer that comes and goes brings about no storm of attempts, and is tried later all the same", () => {
    const negotiation = make({ offers: true });
    for (let tenths = 0; tenths < 1_000; tenths += 3) {
      negotiation.handleTimeout(tenths / 10);
      negotiation.reachable(tenths / 10);
    }
    expect(negotiation.begun).toBeLessThanOrEqual(1 + Allowance.BURST + 100);
    const other = make({ offers: true, wants: false });
    other.traffic(0);
    other.unreachable();
    other.want(0);
    for (let round = 0; round < 10; round += 1) {
      other.reachable(0);
      other.unreachable();
    }
    other.reachable(0);
    within(wait(other), RETRY);
    expect(drain(other)).toEqual([makeOffer(1)]);
  });
});

describe("limits", () => {
  test("a peer cannot bring about attempts without end", () => {
    const answering = make({ offers: false });
    const offering = make({ offers: true, wants: false });
    for (let number = 1; number <= 1_000; number += 1) {
      const now = number / 100;
      answering.receive("offer", number, OFFER, now);
      offering.receive("request", 0, { seen: 0 }, now);
      if (offering.inProgress !== null) offering.ended(offering.inProgress, now);
    }
    expect(answering.begun).toBeLessThanOrEqual(15);
    expect(offering.begun).toBeLessThanOrEqual(15);
  });

  test.each<[string, unknown, unknown]>([
    ["offer", 1, null],
    ["offer", 1, []],
    ["offer", 1, { type: "offer" }],
    ["offer", 1, { type: "answer", sdp: "x" }],
    ["offer", 1, { type: "offer", sdp: "x".repeat(100_000) }],
    ["offer", -1, OFFER],
    ["offer", true, OFFER],
    ["offer", 1.5, OFFER],
    ["offer", 2 ** 32, OFFER],
    ["offer", "1", OFFER],
    ["answer", 1, SEALED_ANSWER],
    ["candidate", 1, null],
    ["candidate", 1, { candidate: 1 }],
    ["candidate", 1, { candidate: "x".repeat(10_000) }],
    ["candidate", 1, { candidate: "x", sdpMLineIndex: "0" }],
    ["candidate", 1, { candidate: "x", sdpMid: 0 }],
    ["request", 1, { seen: 0 }],
    ["hello", 1, {}],
  ])("nonsense is counted and has no effect: %s %j %j", (kind, attempt, payload) => {
    const negotiation = make({ offers: false });
    const before = negotiation.nextTimeout();
    negotiation.receive(kind, attempt as number, payload, 0);
    expect([drain(negotiation), negotiation.nextTimeout()]).toEqual([[], before]);
    expect(negotiation.ignored).toEqual(new Map([["nonsense", 1]]));
  });

  test.each([null, {}, { seen: "0" }, { seen: -1 }, { seen: true }, { seen: 1 }])("a request of nonsense: %j", (payload) => {
    const negotiation = make({ offers: true, wants: false });
    negotiation.receive("request", 0, payload, 0);
    expect(drain(negotiation)).toEqual([]);
    expect(negotiation.ignored).toEqual(new Map([["nonsense", 1]]));
  });

  test("nothing is begun while direct paths are not allowed, and what there is goes when they are forbidden", () => {
    const forbidden = new Negotiation({ offers: false, random: seeded(1), now: 0 });
    forbidden.want(0);
    forbidden.receive("offer", 1, OFFER, 0);
    expect(drain(forbidden)).toEqual([]);
    expect(forbidden.ignored).toEqual(new Map([["not-allowed", 1]]));
    const negotiation = adopted();
    negotiation.receive("request", 1, { seen: 1 }, 1);
    drain(negotiation);
    negotiation.setAllowed(false, 2);
    expect(abandoned(negotiation)).toEqual([2, 1]);
    negotiation.ended(2, 2);
    negotiation.ended(1, 2);
    expect(negotiation.nextTimeout()).toBeNull();
  });

  test("a new session numbers attempts from 1, and ends those of the old one", () => {
    const negotiation = adopted();
    negotiation.reset(20);
    expect(abandoned(negotiation)).toEqual([1]);
    negotiation.ended(1, 20);
    within(wait(negotiation), [20 + AGAIN[0], 20 + AGAIN[1]]);
    expect(drain(negotiation)).toEqual([makeOffer(1)]);
    const answering = answered();
    answering.reset(1);
    drain(answering);
    answering.receive("offer", 1, OFFER, 1);
    expect(drain(answering)).toEqual([makeAnswer(1)]);
  });
});
