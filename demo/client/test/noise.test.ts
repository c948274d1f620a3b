/** Noise IK: the vectors of others and of ours, and whoever tampers. */

import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { describe, expect, test, vi } from "vitest";
import {
  FIRST_OVERHEAD,
  Initiator,
  MAX_MESSAGE,
  NoiseError,
  PrivateKey,
  publicKey,
  Responder,
  SECOND_OVERHEAD,
} from "../src/noise.ts";
import { hex, load, unhex } from "./vectors.ts";

/** The library, with its exchanges counted, and able to be as bad as some are: to let an all-zero result pass. */
const library = vi.hoisted(() => ({ exchanges: 0, permissive: false }));
vi.mock("../src/curves.ts", async (original) => {
  const real = await original<typeof import("../src/curves.ts")>();
  const x25519 = (mine: Uint8Array, theirs: Uint8Array): Uint8Array => {
    library.exchanges += 1;
    return library.permissive ? new Uint8Array(32) : real.x25519(mine, theirs);
  };
  return { ...real, x25519 };
});

interface Published {
  readonly source: string;
  readonly protocol_name: string;
  readonly init_prologue: string;
  readonly init_static: string;
  readonly init_ephemeral: string;
  readonly init_remote_static: string;
  readonly resp_prologue: string;
  readonly resp_static: string;
  readonly resp_ephemeral: string;
  readonly handshake_hash?: string;
  readonly messages: readonly { payload: string; ciphertext: string }[];
}

interface Ours {
  readonly prologue_of: { room: string; key: string; incarnation: number };
  readonly prologue: string;
  readonly initiator_static: string;
  readonly initiator_ephemeral: string;
  readonly responder_static: string;
  readonly responder_ephemeral: string;
  readonly messages: readonly [{ payload: string; message: string }, { payload: string; message: string }];
  readonly initiator_sends_with: string;
  readonly responder_sends_with: string;
  readonly hash: string;
}

const vectors = load<{ published: Published[]; ours: Ours[]; small_order: string[] }>("noise.json");

/** Ours is `"eitherway/1" || prefixed room, key, incarnation`. */
function prologueOf({ room, key, incarnation }: Ours["prologue_of"]): Uint8Array {
  const number = new Uint8Array(8);
  new DataView(number.buffer).setBigUint64(0, BigInt(incarnation));
  const fields = [utf8ToBytes(room), unhex(key), number];
  return concatBytes(utf8ToBytes("eitherway/1"), ...fields.flatMap((field) => [Uint8Array.of(0, field.length), field]));
}

describe("the vectors", () => {
  test.each(vectors.published)("published: $source", (one) => {
    expect(one.protocol_name).toBe("Noise_IK_25519_ChaChaPoly_SHA256");
    const initiator = new Initiator({
      static: unhex(one.init_static),
      remoteStatic: unhex(one.init_remote_static),
      ephemeral: unhex(one.init_ephemeral),
      prologue: unhex(one.init_prologue),
    });
    const responder = new Responder({ static: unhex(one.resp_static), prologue: unhex(one.resp_prologue) });
    const [first, second, ...rest] = one.messages;
    if (first === undefined || second === undefined) throw new Error("a handshake has two messages");
    expect(hex(initiator.writeFirst(unhex(first.payload)))).toBe(first.ciphertext);
    expect(hex(responder.readFirst(unhex(first.ciphertext)))).toBe(first.payload);
    expect(hex(responder.writeSecond(unhex(second.payload), unhex(one.resp_ephemeral)))).toBe(second.ciphertext);
    expect(hex(initiator.readSecond(unhex(second.ciphertext)))).toBe(second.payload);
    const [mine, yours] = [initiator.split(), responder.split()];
    expect(hex(mine.hash)).toBe(one.handshake_hash ?? hex(yours.hash));
    expect(hex(yours.hash)).toBe(hex(mine.hash));
    // Noise's own transport messages have no associated data; the key, nonce and direction are those of our packets.
    expect(rest.length).toBeGreaterThan(0);
    rest.forEach(({ payload, ciphertext }, number) => {
      const nonce = new Uint8Array(12);
      nonce[4] = Math.floor(number / 2);
      const [sender, receiver] = number % 2 === 0 ? [mine.send, yours.receive] : [yours.send, mine.receive];
      expect(hex(chacha20poly1305(sender, nonce).encrypt(unhex(payload)))).toBe(ciphertext);
      expect(hex(chacha20poly1305(receiver, nonce).decrypt(unhex(ciphertext)))).toBe(payload);
    });
  });

  test.each(vectors.ours)("ours: $hash", (one) => {
    const prologue = prologueOf(one.prologue_of);
    expect(hex(prologue)).toBe(one.prologue);
    const initiator = new Initiator({
      static: unhex(one.initiator_static),
      remoteStatic: publicKey(unhex(one.responder_static)),
      ephemeral: unhex(one.initiator_ephemeral),
      prologue,
    });
    const responder = new Responder({ static: unhex(one.responder_static), prologue });
    const [first, second] = one.messages;
    expect(hex(initiator.writeFirst(unhex(first.payload)))).toBe(first.message);
    expect(hex(responder.readFirst(unhex(first.message)))).toBe(first.payload);
    expect(hex(responder.remoteStatic)).toBe(hex(publicKey(unhex(one.initiator_static))));
    expect(hex(responder.writeSecond(unhex(second.payload), unhex(one.responder_ephemeral)))).toBe(second.message);
    expect(hex(initiator.readSecond(unhex(second.message)))).toBe(second.payload);
    const [mine, yours] = [initiator.split(), responder.split()];
    expect([hex(mine.send), hex(yours.receive)]).toEqual([one.initiator_sends_with, one.initiator_sends_with]);
    expect([hex(mine.receive), hex(yours.send)]).toEqual([one.responder_sends_with, one.responder_sends_with]);
    expect([hex(mine.hash), hex(yours.hash)]).toEqual([one.hash, one.hash]);
  });

  test.each(vectors.small_order)("a key of small order is refused everywhere: %s", (point) => {
    const lone = pair(utf8ToBytes("p"), unhex(point));
    expect(() => lone.initiator.writeFirst(NOTHING)).toThrow(/small order/);
    const both = pair();
    expect(() => both.responder.readFirst(concatBytes(unhex(point), new Uint8Array(100)))).toThrow(/small order/);
    both.initiator.writeFirst(NOTHING);
    expect(() => both.initiator.readSecond(concatBytes(unhex(point), new Uint8Array(16)))).toThrow(/small order/);
    expect(() => new PrivateKey(random()).agree(unhex(point))).toThrow(NoiseError);
  });
});

const NOTHING = new Uint8Array(0);

function random(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(32));
}

/** Both sides with new keys. */
function pair(prologue = utf8ToBytes("prologue"), remoteStatic?: Uint8Array, theirs = prologue) {
  const [mine, yours, ephemeral, answering] = [random(), random(), random(), random()];
  const initiator = new Initiator({
    static: mine,
    remoteStatic: remoteStatic ?? publicKey(yours),
    ephemeral,
    prologue,
  });
  return { mine, yours, answering, initiator, responder: new Responder({ static: yours, prologue: theirs }) };
}

function flip(message: Uint8Array, at: number): Uint8Array {
  return message.map((byte, n) => (n === at ? byte ^ 1 : byte));
}

test.each([0, 1, 1_000, 48_000])("both sides agree and know each other, with payloads of %i", (size) => {
  const { mine, answering, initiator, responder } = pair();
  const payload = new Uint8Array(size).fill(7);
  expect(responder.readFirst(initiator.writeFirst(payload))).toEqual(payload);
  expect(initiator.readSecond(responder.writeSecond(payload, answering))).toEqual(payload);
  const [ours, theirs] = [initiator.split(), responder.split()];
  expect(ours).toEqual({ send: theirs.receive, receive: theirs.send, hash: theirs.hash });
  expect(hex(ours.send)).not.toBe(hex(ours.receive));
  expect(hex(responder.remoteStatic)).toBe(hex(publicKey(mine)));
});

test("every part of both messages counts, and forgeries do not use the handshake up", () => {
  const { answering, initiator, responder } = pair();
  const first = initiator.writeFirst(utf8ToBytes("one"));
  // the ephemeral key, the sealed static key, its tag, the payload, its tag
  for (const at of [0, 31, 32, 63, 64, 79, 80, 83, first.length - 1]) {
    expect(() => responder.readFirst(flip(first, at)), `byte ${at}`).toThrow(NoiseError);
  }
  expect(responder.readFirst(first)).toEqual(utf8ToBytes("one"));
  const second = responder.writeSecond(utf8ToBytes("two"), answering);
  for (const at of [0, 31, 32, 34, 35, second.length - 1]) {
    expect(() => initiator.readSecond(flip(second, at)), `byte ${at}`).toThrow(NoiseError);
  }
  expect(initiator.readSecond(second)).toEqual(utf8ToBytes("two"));
  expect(hex(initiator.split().send)).toBe(hex(responder.split().receive));
});

test("what was read is not part of what it was read from", () => {
  const { answering, initiator, responder } = pair();
  const first = initiator.writeFirst(NOTHING);
  responder.readFirst(first);
  first.fill(0); // a buffer that is used again
  initiator.readSecond(responder.writeSecond(NOTHING, answering));
});

test.each(["", "prologue ", "Prologue"])("another prologue does not open: '%s'", (theirs) => {
  const { initiator, responder } = pair(utf8ToBytes("prologue"), undefined, utf8ToBytes(theirs));
  expect(() => responder.readFirst(initiator.writeFirst(NOTHING))).toThrow(NoiseError);
});

test("a message for another responder does not open", () => {
  expect(() => pair().responder.readFirst(pair().initiator.writeFirst(NOTHING))).toThrow(NoiseError);
});

test("messages of impossible sizes are refused", () => {
  const { answering, initiator, responder } = pair();
  for (const size of [0, 31, FIRST_OVERHEAD - 1, MAX_MESSAGE + 1]) {
    expect(() => responder.readFirst(new Uint8Array(size))).toThrow(/message of/);
  }
  for (const size of [0, 31, SECOND_OVERHEAD - 1, MAX_MESSAGE + 1]) {
    expect(() => initiator.readSecond(new Uint8Array(size))).toThrow(/message of/);
  }
  expect(() => initiator.writeFirst(new Uint8Array(MAX_MESSAGE - FIRST_OVERHEAD + 1))).toThrow(NoiseError);
  responder.readFirst(initiator.writeFirst(new Uint8Array(MAX_MESSAGE - FIRST_OVERHEAD)));
  expect(() => responder.writeSecond(new Uint8Array(MAX_MESSAGE - SECOND_OVERHEAD + 1), answering)).toThrow(NoiseError);
});

test("an all-zero result is refused even if the library lets it pass", () => {
  const { initiator, responder } = pair();
  library.permissive = true;
  try {
    for (const action of [
      () => initiator.writeFirst(NOTHING),
      () => responder.readFirst(new Uint8Array(200)),
      () => initiator.readSecond(new Uint8Array(200)),
    ]) {
      expect(action).toThrow(/small order/);
    }
  } finally {
    library.permissive = false;
  }
});

test("what two static keys agree on is remembered for one peer, and a copy remembers for itself", () => {
  const [mine, yours, others] = [new PrivateKey(random()), new PrivateKey(random()), new PrivateKey(random())];
  library.exchanges = 0;
  const secret = mine.agree(yours.public);
  expect(mine.agree(yours.public)).toBe(secret);
  expect(library.exchanges).toBe(1);
  expect(hex(yours.agree(mine.public))).toBe(hex(secret));
  const another = mine.forAnother();
  expect(hex(another.public)).toBe(hex(mine.public));
  expect(hex(another.agree(others.public))).toBe(hex(others.exchange(mine.public)));
  library.exchanges = 0;
  expect(mine.agree(yours.public)).toBe(secret);
  expect(library.exchanges).toBe(0);
  expect(hex(mine.agree(others.public))).not.toBe(hex(secret));
});
