import { expect, test } from "vitest";
import { Cut } from "../src/cuts/cut.ts";
import { cuttableFetch } from "../src/cuts/server.ts";

/** A target with a listener of its own behind a cut, and what that one heard. */
function listening(cut: Cut): { target: EventTarget; heard: string[] } {
  const target = new EventTarget();
  const heard: string[] = [];
  cut.holdEvents(target, ["message"]);
  target.addEventListener("message", (event) => heard.push(String((event as MessageEvent).data)));
  return { target, heard };
}

const message = (data: string): MessageEvent => new MessageEvent("message", { data });

test("what comes while it is cut passes when it is healed, in order and once", () => {
  const cut = new Cut();
  const { target, heard } = listening(cut);
  target.dispatchEvent(message("1"));
  cut.on = true;
  target.dispatchEvent(message("2"));
  target.dispatchEvent(message("3"));
  expect(heard).toEqual(["1"]);
  cut.on = false;
  target.dispatchEvent(message("4"));
  expect(heard).toEqual(["1", "2", "3", "4"]);
});

test("other events pass", () => {
  const cut = new Cut();
  const { target } = listening(cut);
  let others = 0;
  target.addEventListener("other", () => {
    others += 1;
  });
  cut.on = true;
  target.dispatchEvent(new Event("other"));
  expect(others).toBe(1);
});

test("what is done while it is cut is done when it is healed", () => {
  const cut = new Cut();
  const done: string[] = [];
  cut.pass(() => done.push("now"));
  cut.on = true;
  cut.on = true;
  cut.pass(() => done.push("later"));
  expect(done).toEqual(["now"]);
  cut.on = false;
  expect(done).toEqual(["now", "later"]);
});

test("requests and answers wait while it is cut, unless they are given up", async () => {
  const cut = new Cut();
  const asked: string[] = [];
  let answer: () => void = () => undefined;
  const fetch = cuttableFetch(cut, (input) => {
    asked.push(String(input));
    return new Promise((resolve) => {
      answer = () => resolve(new Response("yes"));
    });
  });
  let told = 0;
  const first = fetch("/1").then(() => (told += 1));
  await expect.poll(() => asked).toEqual(["/1"]);
  cut.on = true;
  answer();
  const givenUp = new AbortController();
  const second = fetch("/2", { signal: givenUp.signal });
  givenUp.abort(new Error("too late"));
  await expect(second).rejects.toThrow("too late");
  expect([told, asked]).toEqual([0, ["/1"]]);
  cut.on = false;
  await first;
  expect([told, asked]).toEqual([1, ["/1"]]);
});
