/** What a program states about itself in a room. */

import { x25519 } from "@noble/curves/ed25519.js";
import { expect, test } from "vitest";

import { Identity } from "../../src/identity.ts";
import { Membership, profileText, readProfile } from "../../src/membership.ts";
import { fromText, peerId, toText } from "../../src/protocol/ids.ts";
import { readStatement, signStatement } from "../../src/protocol/statements.ts";

const STATIC = Uint8Array.from({ length: 32 }, (_, index) => index);

function member(identity = Identity.generate()): Membership {
  return new Membership(identity, STATIC, "lobby", { name: "Ada" });
}

/** A statement as the server holds it. */
function held(identity: Identity, room: string, incarnation: number): string {
  const statement = { room, key: identity.key, incarnation, static: STATIC, profileVersion: 1, profileHash: STATIC };
  return toText(signStatement(statement, (data) => identity.sign(data)));
}

test("join carries what the server checks", () => {
  const me = member();
  const event = me.join({ origin: "http://h:1", sid: "s", connection: 3 });
  const statement = readStatement(fromText(event.statement));
  expect(event.peer).toBe(peerId(statement.key));
  expect(event).toMatchObject({ room: "lobby", connection: 3, profile: '{"name":"Ada"}' });
  expect(statement).toMatchObject({ room: "lobby", incarnation: event.incarnation, profileVersion: 1 });
  expect(statement.static).toEqual(x25519.getPublicKey(STATIC));
  expect(event.incarnation).toBeGreaterThan(1_700_000_000_000);
});

test("a new profile has a higher version and its own hash", () => {
  const me = member();
  const before = readStatement(me.statement);
  const event = me.setProfile({ name: "Grace" });
  const after = readStatement(fromText(event.statement));
  expect(after.profileVersion).toBe(before.profileVersion + 1);
  expect(toText(after.profileHash)).not.toBe(toText(before.profileHash));
  expect(after.static).toEqual(before.static);
  expect(() => me.setProfile({ x: "y".repeat(5_000) })).toThrow("4096");
  expect(me.profile).toEqual({ name: "Grace" });
  expect(readStatement(me.statement).profileVersion).toBe(after.profileVersion);
});

test("outbid goes one beyond the held statement, and believes nobody else", () => {
  const identity = Identity.generate();
  const me = member(identity);
  const before = me.incarnation;
  const nonsense = [null, "", "nonsense", held(Identity.generate(), "lobby", 2 ** 50), held(identity, "elsewhere", 2 ** 50)];
  for (const statement of nonsense) expect(me.outbid(statement)).toBe(false);
  expect(me.incarnation).toBe(before);
  expect(me.outbid(held(identity, "lobby", 2 ** 50))).toBe(true);
  expect([me.incarnation, readStatement(me.statement).incarnation]).toEqual([2 ** 50 + 1, 2 ** 50 + 1]);
});

const cyclic: Record<string, unknown> = {};
cyclic["self"] = cyclic;

test.each<[string, unknown]>([
  ["NaN", { x: Number.NaN }],
  ["bytes", { x: new Uint8Array(1) }],
  ["a set", { x: new Set([1]) }],
  ["a date", { x: new Date() }],
  ["a function", { x: () => 1 }],
  ["half a character", { x: "\ud800" }],
  ["undefined in a list", { x: [undefined] }],
  ["a big integer", { x: 1n }],
  ["itself", cyclic],
  ["a list", []],
  ["text", "Ada"],
  ["null", null],
])("what is no profile is told: %s", (_, bad) => {
  expect(() => profileText(bad as Record<string, unknown>)).toThrow(/^a profile is /);
});

test("what is one is its shortest JSON text; optional fields may be left out by undefined", () => {
  expect(profileText({ name: "Ädä", of: [1, null, true, { x: 0.5 }], none: undefined })).toBe(
    '{"name":"Ädä","of":[1,null,true,{"x":0.5}]}',
  );
});

test.each(["", "[]", "7", "null", "{", '"x"', "[".repeat(4_096)])("what others write there is no profile: %j", (text) => {
  expect(readProfile(text)).toEqual({});
});
