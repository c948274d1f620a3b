/** What a peer can bring about by its signals, and what it cannot. */

import { describe, expect, test } from "vitest";

import { Negotiation } from "../../src/negotiation/index.ts";
import { AGAIN } from "../../src/negotiation/retry.ts";
import {
  abandoned,
  adopted,
  answered,
  drain,
  make,
  makeAnswer,
  makeOffer,
  OFFER,
  SEALED_ANSWER,
  wait,
  within,
} from "./negotiations.ts";
import { seeded } from "./random.ts";

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
