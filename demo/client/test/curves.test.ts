/** The curves, beside two others: noble's collection, whose verdicts are the same on everything, and OpenSSL. */

import { ed25519, x25519 as x25519Noble } from "@noble/curves/ed25519.js";
import { concatBytes } from "@noble/hashes/utils.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ed25519Key, ed25519Sign, ed25519Verify, x25519, x25519Key } from "../src/curves.ts";
import * as openssl from "./session/native-curves.ts";
import { hex, load, unhex } from "./vectors.ts";

const P = 2n ** 255n - 19n;
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
const data = fc.uint8Array({ maxLength: 300 });

function littleEndian(number: bigint): Uint8Array {
  return unhex(number.toString(16).padStart(64, "0")).reverse();
}

function numberOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${hex(bytes.slice().reverse())}`);
}

describe("Ed25519", () => {
  /** Points that make trouble: of small order, on no curve, and both in forms that are not the shortest. */
  const odd = [0n, 1n, P - 1n, P, P + 1n, 2n, P + 2n, 2n ** 255n - 1n, 2n ** 255n, 2n ** 255n + 1n].map(littleEndian);
  for (const order8 of [
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  ]) {
    odd.push(unhex(order8));
    odd.push(unhex(order8).map((byte, at) => (at === 31 ? byte ^ 0x80 : byte))); // the other sign
  }

  /** A verdict, or that there is none. */
  function verdict(verify: () => boolean): boolean {
    try {
      return verify();
    } catch {
      return false;
    }
  }

  function same(signature: Uint8Array, message: Uint8Array, signer: Uint8Array): boolean {
    const ours = verdict(() => ed25519Verify(signature, message, signer));
    expect(ours).toBe(verdict(() => ed25519.verify(signature, message, signer, { zip215: false })));
    return ours;
  }

  test("keys and signatures are those of others", () => {
    fc.assert(
      fc.property(key, data, (seed, message) => {
        const signature = ed25519Sign(message, seed);
        expect(hex(signature)).toBe(hex(ed25519.sign(message, seed)));
        expect(hex(signature)).toBe(hex(openssl.ed25519Sign(message, seed)));
        expect(hex(ed25519Key(seed))).toBe(hex(openssl.ed25519Key(seed)));
        expect(same(signature, message, ed25519Key(seed))).toBe(true);
      }),
      { numRuns: 25 },
    );
  });

  test("a bit that is another is noticed, wherever it is", () => {
    fc.assert(
      fc.property(key, fc.uint8Array({ minLength: 1, maxLength: 100 }), fc.nat(), (seed, message, bit) => {
        const parts = [ed25519Sign(message, seed), message, ed25519Key(seed)] as const;
        const all = concatBytes(...parts);
        const at = bit % (all.length * 8);
        all[at >> 3] = (all[at >> 3] as number) ^ (1 << (at & 7));
        expect(same(all.subarray(0, 64), all.subarray(64, -32), all.subarray(-32))).toBe(false);
      }),
      { numRuns: 50 },
    );
  });

  test("an S that is not reduced is refused: a signature has one form", () => {
    const seed = new Uint8Array(32).fill(7);
    const message = Uint8Array.of(1, 2, 3);
    const signature = ed25519Sign(message, seed);
    const s = numberOf(signature.subarray(32));
    for (const other of [s + ORDER, s + 2n * ORDER, ORDER, 2n ** 256n - 1n]) {
      const forged = concatBytes(signature.subarray(0, 32), littleEndian(other));
      expect(same(forged, message, ed25519Key(seed))).toBe(false);
    }
  });

  test("keys of small order sign nothing, and no point has two forms", () => {
    const message = Uint8Array.of(1, 2, 3);
    const seed = new Uint8Array(32).fill(7);
    const good = ed25519Sign(message, seed);
    for (const signer of odd) {
      for (const r of odd) {
        expect(same(concatBytes(r, new Uint8Array(32)), message, signer)).toBe(false);
      }
      expect(same(good, message, signer)).toBe(false);
      expect(same(concatBytes(signer, good.subarray(32)), message, ed25519Key(seed))).toBe(false);
    }
  });

  test("sizes that are none are refused", () => {
    const message = Uint8Array.of(1, 2, 3);
    const seed = new Uint8Array(32).fill(7);
    const [signature, signer] = [ed25519Sign(message, seed), ed25519Key(seed)];
    for (const size of [0, 63]) expect(same(signature.subarray(0, size), message, signer)).toBe(false);
    for (const size of [0, 31]) expect(same(signature, message, signer.subarray(0, size))).toBe(false);
    expect(same(concatBytes(signature, signature), message, signer)).toBe(false);
  });
});

describe("X25519", () => {
  test("keys and secrets are those of others", () => {
    fc.assert(
      fc.property(key, key, (mine, theirs) => {
        const secret = x25519(mine, x25519Key(theirs));
        expect(hex(x25519Key(mine))).toBe(hex(openssl.x25519Key(mine)));
        expect(hex(secret)).toBe(hex(openssl.x25519(mine, openssl.x25519Key(theirs))));
        expect(hex(secret)).toBe(hex(x25519(theirs, x25519Key(mine))));
      }),
      { numRuns: 25 },
    );
  });

  test("any 32 bytes are a public key, as in RFC 7748: also of the twist, and in a longer form", () => {
    const mine = new Uint8Array(32).fill(7);
    fc.assert(
      fc.property(key, (theirs) => {
        expect(hex(x25519(mine, theirs))).toBe(hex(openssl.x25519(mine, theirs)));
        expect(hex(x25519(mine, theirs))).toBe(hex(x25519Noble.getSharedSecret(mine, theirs)));
      }),
      { numRuns: 25 },
    );
    for (const u of [2n, 3n, P + 2n, P + 18n, 2n ** 255n + 9n]) {
      expect(hex(x25519(mine, littleEndian(u)))).toBe(hex(openssl.x25519(mine, littleEndian(u))));
    }
  });

  test("the vectors of RFC 7748, section 5.2", () => {
    const scalar = unhex("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d");
    const u = unhex("e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493");
    expect(hex(x25519(scalar, u))).toBe("95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957");
    let [k, of] = [littleEndian(9n), littleEndian(9n)];
    for (let n = 0; n < 20; n += 1) [k, of] = [x25519(k, of), k];
    let [native, nativeOf] = [littleEndian(9n), littleEndian(9n)];
    for (let n = 0; n < 20; n += 1) [native, nativeOf] = [openssl.x25519(native, nativeOf), native];
    expect(hex(k)).toBe(hex(native));
  });

  test("public keys of small order are refused, in every form", () => {
    const mine = new Uint8Array(32).fill(7);
    const small = load<{ small_order: string[] }>("noise.json").small_order.map(unhex);
    for (const theirs of small) {
      const u = numberOf(theirs);
      const longer = u + P < 2n ** 255n ? u + P : u; // the highest bit is ignored
      for (const form of [u, longer, u + 2n ** 255n, longer + 2n ** 255n]) {
        expect(() => x25519(mine, littleEndian(form))).toThrow(/invalid/);
      }
    }
    for (const size of [0, 31, 33]) expect(() => x25519(mine, new Uint8Array(size).fill(9))).toThrow();
  });
});
