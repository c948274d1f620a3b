/** Errors say what happened and what to do. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ConnectionFailed, EitherwayError, NotInRoom, Refused, TooLarge, Undelivered } from "../../src/errors.ts";
import { CODES } from "../../src/protocol/errors.ts";
import * as limits from "../../src/protocol/limits.ts";

function python(path: string): string {
  return readFileSync(new URL(`../../../../signalling/protocol/${path}`, import.meta.url), "utf8");
}

test("codes and limits are those of the server", () => {
  const codes = /Code = Literal\[([^\]]*)\]/.exec(python("errors.py"))?.[1]?.match(/[a-z-]+/g);
  expect([...CODES]).toEqual(codes);
  const found = [...python("limits.py").matchAll(/^([A-Z_]+): Final = (.*)$/gm)].map(([, name, value]) => [name, value]);
  expect(Object.keys(limits).sort()).toEqual(found.map(([name]) => name).sort());
  for (const [name, value] of found) {
    if (name === "MAX_INTEGER" || name === "MAX_ATTACHMENTS") continue; // written as sums
    expect(limits[name as keyof typeof limits], name).toBe(Number(value?.replaceAll("_", "")));
  }
  expect([limits.MAX_INTEGER, limits.MAX_ATTACHMENTS]).toEqual([2 ** 53 - 1, 257]);
});

test("every error is one of ours, and has its name whatever a minifier does", () => {
  for (const [error, name] of [
    [new ConnectionFailed("x"), "ConnectionFailed"],
    [new Refused("busy", "too much"), "Refused"],
    [new NotInRoom("x"), "NotInRoom"],
    [new TooLarge("x"), "TooLarge"],
    [new Undelivered("ada", [], "it left"), "Undelivered"],
  ] as const) {
    expect(error).toBeInstanceOf(EitherwayError);
    expect(error.name).toBe(name);
    expect(String(error)).toContain(name);
  }
});

test("a refusal carries what a program needs", () => {
  const refused = new Refused("rate-limited", "too many joins", 1_500, null);
  expect([refused.code, refused.retryAfter, refused.statement]).toEqual(["rate-limited", 1_500, null]);
  expect(refused.message).toBe("too many joins (rate-limited)");
});

test("what was not delivered is said for one, many and none", () => {
  const one = new Undelivered("ada", ["hello"], "it left");
  expect(one.message).toMatch(/^1 message to ada may not have arrived: it left\. Send again/);
  expect([one.peer, one.messages, one.reason]).toEqual(["ada", ["hello"], "it left"]);
  expect(new Undelivered("ada", [1, 2], "it left").message).toMatch(/^2 messages to ada/);
  expect(new Undelivered("ada", [], "it left").message).toBe("everything arrived, but ada may not have handled it all: it left");
});
