/**
 * The two curves: Ed25519 signs (RFC 8032), X25519 agrees on secrets (RFC 7748). Keys are raw 32 bytes.
 *
 * Ed25519 is noble's small one: the one in their collection of curves can do much that nobody here asks for.
 * Its points make X25519's public keys too, three times as fast as the ladder does.
 */

import { montgomery } from "@noble/curves/abstract/montgomery.js";
import { getPublicKey, hashes, Point, sign, verify } from "@noble/ed25519";
import { sha512 } from "@noble/hashes/sha2.js";

hashes.sha512 = sha512; // its own is WebCrypto's, which pages on plain http have not

const { p: P, n: ORDER } = Point.CURVE();
/** The bits of 250 after the first: how `inverse` builds its exponent. */
const BITS_OF_250 = [1, 1, 1, 1, 0, 1, 0];

const curve = montgomery({
  P,
  type: "x25519",
  adjustScalarBytes(bytes: Uint8Array) {
    bytes[0] = (bytes[0] as number) & 248;
    bytes[31] = ((bytes[31] as number) & 127) | 64;
    return bytes;
  },
  powPminus2: inverse,
  // On the Edwards curve, whose base point's multiples are kept: u = (1 + y) / (1 - y) = (Z + Y) / (Z - Y).
  scalarMultBase(scalar) {
    const reduced = scalar % ORDER;
    if (reduced === 0n) return 0n; // the point at infinity, which is then refused
    const { Y, Z } = Point.BASE.multiply(reduced);
    return ((Z + Y) * inverse((P + Z - Y) % P)) % P;
  },
});

/** The Ed25519 public key of a seed. */
export function ed25519Key(seed: Uint8Array): Uint8Array {
  return getPublicKey(seed);
}

/** The Ed25519 signature, 64 bytes. */
export function ed25519Sign(data: Uint8Array, seed: Uint8Array): Uint8Array {
  return sign(data, seed);
}

/** Whether this is the key's signature. Strict as others are: none of the forms that only `zip215` takes. May throw. */
export function ed25519Verify(signature: Uint8Array, data: Uint8Array, key: Uint8Array): boolean {
  return verify(signature, data, key, { zip215: false });
}

/** The X25519 public key of a private one. */
export function x25519Key(privateKey: Uint8Array): Uint8Array {
  return curve.getPublicKey(privateKey);
}

/** The secret that both sides share. Throws for a public key of small order: anybody would know the secret. */
export function x25519(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array {
  return curve.getSharedSecret(privateKey, publicKey);
}

/** x^(p - 2), the same steps whatever x is: p - 2 = (2^250 - 1) 2^5 + 11. */
function inverse(x: bigint): bigint {
  let power = x;
  let ones = 1; // power = x^(2^ones - 1)
  for (const bit of BITS_OF_250) {
    power = (square(power, ones) * power) % P;
    ones *= 2;
    if (bit === 1) {
      power = (square(power, 1) * x) % P;
      ones += 1;
    }
  }
  return (square(power, 5) * ((square(x, 3) * ((square(x, 1) * x) % P)) % P)) % P;
}

/** x squared so many times. */
function square(x: bigint, times: number): bigint {
  let power = x;
  for (let n = 0; n < times; n += 1) power = (power * power) % P;
  return power;
}
