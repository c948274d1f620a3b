import { Refused } from "eitherway";
import { beforeEach, expect, test } from "vitest";
import { wantsToken } from "../src/refusals.ts";
import { keepToken, type Place, takeToken, tokenIn } from "../src/token.ts";

let kept: Map<string, string>;
let shown: string[];

beforeEach(() => {
  kept = new Map();
  shown = [];
});

function place(hash: string, storage = true): Place {
  return {
    location: { pathname: "/", search: "?room=a%20b", hash },
    history: { replaceState: (_, __, url) => shown.push(url) },
    storage: storage ? { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) } : null,
  };
}

test.each([
  ["#token=a.b-c_d.e", "a.b-c_d.e"],
  ["#x=1&token=t", "t"],
  ["#token=", null],
  ["#stage", null],
  ["", null],
])("the fragment %j has the token %j", (hash, token) => {
  expect(tokenIn(hash)).toBe(token);
});

test("a token is taken out of the address, and kept for the tab", () => {
  expect(takeToken(place("#token=first"))).toBe("first");
  expect(shown).toEqual(["/?room=a%20b"]);
  expect(takeToken(place(""))).toBe("first");
  keepToken("second", place("").storage);
  expect(takeToken(place("#stage"))).toBe("second");
  expect(shown).toHaveLength(1);
});

test("it serves where nothing can be kept", () => {
  expect(takeToken(place("#token=t", false))).toBe("t");
  expect(takeToken(place("", false))).toBe(null);
  const full = { getItem: () => null, setItem: () => { throw new Error("full"); } };
  expect(() => keepToken("t", full)).not.toThrow();
});

test.each([
  [new Refused("unauthorized", "no"), null, true],
  [new Refused("unauthorized", "expired"), "t", true],
  [new Refused("forbidden", "another room"), "t", true],
  [new Refused("forbidden", "another origin"), null, false],
  [new Refused("room-full", "full"), "t", false],
  [new Error("unauthorized"), null, false],
])("%s, with the token %j, is mended by a token: %j", (error, token, mended) => {
  expect(wantsToken(error, token)).toBe(mended);
});
