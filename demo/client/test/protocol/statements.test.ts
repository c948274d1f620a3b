/** Statements and proofs (K1): what is signed, and that nothing else passes. */

import { ed25519 } from "@noble/curves/ed25519.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { publicKey } from "../../src/noise.ts";
import { peerId } from "../../src/protocol/ids.ts";
import {
  BadStatement,
  type Proof,
  readProof,
  readStatement,
  type Sign,
  signProof,
  signStatement,
  type Statement,
} from "../../src/protocol/statements.ts";
import { hex, load, unhex } from "../vectors.ts";

interface StatementVectors {
  readonly people: readonly { seed: string; key: string; id: string; static_private: string; static: string }[];
  readonly statements: readonly {
    seed: string;
    room: string;
    key: string;
    incarnation: number;
    static: string;
    profile: string;
    profile_version: number;
    profile_hash: string;
    signed: string;
  }[];
  readonly proofs: readonly ({ seed: string; key: string; signed: string } & Proof)[];
  readonly not_statements: readonly { about: string; signed: string }[];
  readonly not_proofs: readonly { about: string; key: string; signed: string }[];
}

const vectors = load<StatementVectors>("statements.json");

function signer(seed: Uint8Array): Sign {
  return (data) => ed25519.sign(data, seed);
}

describe("the vectors", () => {
  test.each(vectors.people)("person $id", (person) => {
    const key = ed25519.getPublicKey(unhex(person.seed));
    expect([hex(key), peerId(key)]).toEqual([person.key, person.id]);
    expect(hex(publicKey(unhex(person.static_private)))).toBe(person.static);
  });

  test.each(vectors.statements)("statement of $incarnation", (one) => {
    const statement: Statement = {
      room: one.room,
      key: unhex(one.key),
      incarnation: one.incarnation,
      static: unhex(one.static),
      profileVersion: one.profile_version,
      profileHash: unhex(one.profile_hash),
    };
    expect(hex(sha256(utf8ToBytes(one.profile)))).toBe(one.profile_hash);
    expect(readStatement(unhex(one.signed))).toEqual(statement);
    expect(hex(signStatement(statement, signer(unhex(one.seed))))).toBe(one.signed);
  });

  test.each(vectors.proofs)("proof of $sid", ({ seed, key, signed, ...proof }) => {
    expect(readProof(unhex(signed), unhex(key))).toEqual(proof);
    expect(hex(signProof(proof, signer(unhex(seed))))).toBe(signed);
  });

  test.each(vectors.not_statements)("no statement: $about", ({ signed }) => {
    expect(() => readStatement(unhex(signed))).toThrow(BadStatement);
  });

  test.each(vectors.not_proofs)("no proof: $about", ({ signed, key }) => {
    expect(() => readProof(unhex(signed), unhex(key))).toThrow(BadStatement);
  });
});

const SIGN = signer(new Uint8Array(32).map((_, at) => at));
const KEY = ed25519.getPublicKey(new Uint8Array(32).map((_, at) => at));
const STATEMENT: Statement = {
  room: "lobby",
  key: KEY,
  incarnation: 1_700_000_000_000,
  static: new Uint8Array(32),
  profileVersion: 3,
  profileHash: sha256(utf8ToBytes("{}")),
};
const PROOF: Proof = {
  origin: "https://example.org",
  sid: "sid-1",
  room: "lobby",
  incarnation: 1_700_000_000_000,
  connection: 2,
};
const SIGNED: [name: string, data: Uint8Array, read: (data: Uint8Array) => unknown][] = [
  ["statement", signStatement(STATEMENT, SIGN), readStatement],
  ["proof", signProof(PROOF, SIGN), (data) => readProof(data, KEY)],
];

test.each(SIGNED)("every byte and every length of a %s counts", (_, data, read) => {
  read(data);
  for (let at = 0; at < data.length; at += at < 8 || at > data.length - 70 ? 1 : 7) {
    expect(() => read(data.map((byte, n) => (n === at ? byte ^ 1 : byte)))).toThrow(BadStatement);
  }
  for (let size = 0; size < data.length; size += 1) expect(() => read(data.subarray(0, size))).toThrow(BadStatement);
  expect(() => read(concatBytes(data, Uint8Array.of(0)))).toThrow(BadStatement);
});

test("what another key has signed is refused", () => {
  const other = signer(new Uint8Array(32));
  expect(() => readStatement(signStatement(STATEMENT, other))).toThrow(/signature/);
  expect(() => readProof(signProof(PROOF, other), KEY)).toThrow(/signature/);
});

test("the purpose is signed: bytes signed for one cannot be passed off as the other", () => {
  const body = signStatement(STATEMENT, SIGN).subarray(0, -64);
  const asProof = SIGN(concatBytes(utf8ToBytes("eitherway/1 proof\0"), body));
  expect(() => readStatement(concatBytes(body, asProof))).toThrow(/signature/);
  expect(() => readProof(signStatement(STATEMENT, SIGN), KEY)).toThrow(BadStatement);
});

test.each<Partial<Statement>>([
  { key: KEY.subarray(0, 31) },
  { static: new Uint8Array(31) },
  { static: new Uint8Array(33) },
  { profileHash: new Uint8Array(0) },
  { incarnation: 2 ** 53 },
  { profileVersion: 2 ** 63 },
  { room: "" },
  { room: "x".repeat(129) },
  { room: "a\nb" },
])("a signed statement must also make sense: %o", (changes) => {
  expect(() => readStatement(signStatement({ ...STATEMENT, ...changes }, SIGN))).toThrow(BadStatement);
});

const NOTHING = new Uint8Array(0);

/** A signed proof of fields that are given as they are. */
function proofOf(...fields: Uint8Array[]): Uint8Array {
  const body = concatBytes(...fields.flatMap((field) => [Uint8Array.of(0, field.length), field]));
  return concatBytes(body, SIGN(concatBytes(utf8ToBytes("eitherway/1 proof\0"), body)));
}

test("whatever is signed beside the fields is refused", () => {
  const eight = new Uint8Array(8);
  const fields = [utf8ToBytes("o"), utf8ToBytes("s"), utf8ToBytes("r"), eight, eight];
  expect(() => readProof(proofOf(...fields, NOTHING), KEY)).toThrow(/longer/);
  expect(() => readProof(proofOf(...fields.slice(0, 4)), KEY)).toThrow(/too short/);
});

test("fields are UTF-8, and numbers have eight bytes", () => {
  const [origin, sid, room, eight] = [utf8ToBytes("o"), utf8ToBytes("s"), utf8ToBytes("r"), new Uint8Array(8)];
  expect(readProof(proofOf(origin, sid, room, eight, eight), KEY).origin).toBe("o");
  expect(() => readProof(proofOf(Uint8Array.of(0xff), sid, room, eight, eight), KEY)).toThrow(/UTF-8/);
  expect(() => readProof(proofOf(origin, sid, room, new Uint8Array(7), eight), KEY)).toThrow(/8 bytes/);
});

test("a key of small order signs nothing: the strict rules of RFC 8032 and FIPS 186-5 hold", () => {
  // With the neutral element as key, and R the neutral element and S zero, every message verifies by ZIP 215.
  const neutral = new Uint8Array(32);
  neutral[0] = 1;
  const statement = signStatement({ ...STATEMENT, key: neutral }, () => concatBytes(neutral, new Uint8Array(32)));
  const signed = concatBytes(utf8ToBytes("eitherway/1 statement\0"), statement.subarray(0, -64));
  expect(ed25519.verify(statement.subarray(-64), signed, neutral, { zip215: true })).toBe(true);
  expect(() => readStatement(statement)).toThrow(/signature/);
  expect(() => readProof(signProof(PROOF, SIGN), new Uint8Array(32).fill(0xff))).toThrow(BadStatement);
});

test("garbage is refused", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300, size: "max" }), (data) => {
      expect(() => readStatement(data)).toThrow(BadStatement);
      expect(() => readProof(data, KEY)).toThrow(BadStatement);
    }),
  );
});
