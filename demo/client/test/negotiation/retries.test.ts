/** When a negotiation tries again (S9). */

import { describe, expect, test } from "vitest";

import { DEADLINE, GRACE } from "../../src/negotiation/attempt.ts";
import { Negotiation } from "../../src/negotiation/index.ts";
import { AGAIN, Allowance, DOUBT, MENDED, MENDING, RETRY, RETRY_MOST, STEADY } from "../../src/negotiation/retry.ts";
import {
  abandoned,
  adopted,
  answered,
  drain,
  due,
  make,
  makeOffer,
  OFFER,
  offered,
  SEALED_ANSWER,
  sendSignal,
  SLACK,
  wait,
  within,
} from "./negotiations.ts";
import { seeded } from "./random.ts";

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
