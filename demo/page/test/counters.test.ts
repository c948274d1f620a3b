import { describe, expect, test } from "vitest";
import { Count, type Numbered, sum } from "../src/counters.ts";

/** Two peers that count each other. */
function pair(): [Count, Count] {
  return [new Count("ada", 1), new Count("grace", 2)];
}

describe("the count of two pages", () => {
  test("says delivered when the other says so, and until then on the way", () => {
    const [ada, grace] = pair();
    const sent = [ada.next(), ada.next(), ada.next()];
    expect(ada.totals()).toMatchObject({ sent: 3, delivered: 0, onTheWay: 3, lost: 0 });
    for (const message of sent) grace.receive(message);
    expect(grace.totals().received).toBe(3);
    ada.receive(grace.next());
    expect(ada.totals()).toMatchObject({ sent: 3, delivered: 3, onTheWay: 0, lost: 0, doubled: 0 });
  });

  test("calls nothing lost that may still come", () => {
    const [ada, grace] = pair();
    grace.receive(ada.next());
    for (let i = 0; i < 100; i += 1) ada.next();
    ada.receive(grace.next());
    expect(ada.totals()).toMatchObject({ sent: 101, delivered: 1, onTheWay: 100, lost: 0 });
  });

  test("shows a loss on both sides", () => {
    const [ada, grace] = pair();
    grace.receive(ada.next());
    ada.next();
    grace.receive(ada.next());
    expect(grace.totals().lost).toBe(1);
    ada.receive(grace.next());
    expect(ada.totals()).toMatchObject({ sent: 3, delivered: 2, onTheWay: 0, lost: 1 });
  });

  test("shows a doubled message on both sides", () => {
    const [ada, grace] = pair();
    const message = ada.next();
    grace.receive(message);
    grace.receive(message);
    expect(grace.totals().doubled).toBe(1);
    ada.receive(grace.next());
    expect(ada.totals().doubled).toBe(1);
  });

  test("goes on where one of the two begins late", () => {
    const [ada] = pair();
    for (let i = 0; i < 10; i += 1) ada.next();
    const late = new Count("grace", 3);
    late.receive(ada.next());
    ada.receive(late.next());
    expect(ada.totals()).toMatchObject({ sent: 11, delivered: 11, onTheWay: 0, lost: 0 });
  });

  test("takes back what the library gave back, and begins anew", () => {
    const [ada, grace] = pair();
    grace.receive(ada.next());
    ada.next();
    ada.next();
    ada.receive(grace.next());
    expect(ada.returned(9)).toBe(2);
    expect(ada.totals()).toMatchObject({ sent: 1, delivered: 1, onTheWay: 0, lost: 0 });
    const again = ada.next();
    expect(again).toMatchObject({ run: 9, n: 1 });
    grace.receive(again);
    ada.receive(grace.next());
    expect(ada.totals()).toMatchObject({ sent: 2, delivered: 2, onTheWay: 0, lost: 0 });
    expect(grace.totals()).toMatchObject({ received: 2, lost: 0, doubled: 0 });
  });
});

describe("the count with an echo", () => {
  test("looks at what comes back", () => {
    const ada = new Count("ada", 1);
    const sent = [ada.next(), ada.next(), ada.next()] as const;
    ada.receive(sent[0]);
    expect(ada.totals()).toMatchObject({ sent: 3, delivered: 1, onTheWay: 2, lost: 0 });
    ada.receive(sent[2]);
    expect(ada.totals()).toMatchObject({ delivered: 2, onTheWay: 0, lost: 1 });
    ada.receive(sent[2]);
    expect(ada.totals().doubled).toBe(1);
  });

  test("ignores echoes of an earlier run, and of what was never sent", () => {
    const ada = new Count("ada", 1);
    const old = ada.next();
    ada.returned(2);
    ada.next();
    ada.receive(old);
    ada.receive({ ...old, run: 2, n: 40 });
    expect(ada.totals()).toMatchObject({ sent: 1, delivered: 0, onTheWay: 1, lost: 0 });
  });
});

test.each([null, "x", 7, [], {}, { from: 1, run: 1, n: 1 }, { from: "x", run: -1, n: 1 }, { from: "x", run: 1, n: "1" }])(
  "what is no numbered message is ignored: %j",
  (data) => {
    const ada = new Count("ada", 1);
    expect(ada.receive(data)).toBe(false);
    expect(ada.totals().received).toBe(0);
  },
);

test("a receipt that makes no sense changes nothing", () => {
  const ada = new Count("ada", 1);
  ada.next();
  const lie = (got: unknown): Numbered => ({ from: "grace", run: 5, n: 1, got: got as null });
  ada.receive(lie({ run: 1, last: 1e9, lost: 0, doubled: 0 }));
  expect(ada.totals()).toMatchObject({ delivered: 1, onTheWay: 0 });
  ada.receive(lie({ run: 1, last: "many", lost: 0, doubled: 0 }));
  expect(ada.totals()).toMatchObject({ delivered: 1, onTheWay: 0, lost: 0 });
});

test("totals add up", () => {
  const [ada, grace] = pair();
  grace.receive(ada.next());
  expect(sum([ada.totals(), grace.totals()])).toMatchObject({ sent: 1, received: 1, onTheWay: 1, lost: 0 });
  expect(sum([])).toMatchObject({ sent: 0, lost: 0 });
});
