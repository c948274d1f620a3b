import { expect, test } from "vitest";
import { Cut } from "../src/cuts/cut.ts";

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
