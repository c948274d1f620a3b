/** The negotiation of attempts, case by case: S9, and the part of K5 that concerns signals. */

import { describe, expect, test } from "vitest";

import { DEADLINE, MAX_CANDIDATES, SAY_AGAIN } from "../../src/negotiation/attempt.ts";
import { Negotiation } from "../../src/negotiation/index.ts";
import { Allowance, PATIENCE, RETRY } from "../../src/negotiation/retry.ts";
import { hashOf } from "../../src/negotiation/signals.ts";
import {
  abandoned,
  adopted,
  ANSWER,
  answered,
  CANDIDATE,
  drain,
  make,
  makeAnswer,
  makeOffer,
  OFFER,
  offered,
  SEALED_ANSWER,
  sendSignal,
  takeAnswer,
  takeCandidate,
  wait,
  within,
} from "./negotiations.ts";
import { seeded } from "./random.ts";

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
