/** Identities: keys, and incarnations that only ever grow. */

import { ed25519 } from "@noble/curves/ed25519.js";
import { expect, test } from "vitest";
import { EitherwayError } from "../src/errors.ts";
import { BadIdentity, Identity, type Incarnations } from "../src/identity.ts";
import { PEER_ID, peerId } from "../src/protocol/ids.ts";

/** Somewhere that outlives a program. */
class Beside implements Incarnations {
  stored = new Map<string, number>();

  load(): ReadonlyMap<string, number> {
    return new Map(this.stored);
  }

  save(incarnations: ReadonlyMap<string, number>): void {
    this.stored = new Map(incarnations);
  }
}

test("a generated identity signs under the key its id is made of", () => {
  const identity = Identity.generate();
  const data = Uint8Array.of(1, 2, 3);
  expect(identity.id).toMatch(PEER_ID);
  expect(identity.id).toBe(peerId(identity.key));
  expect(ed25519.verify(identity.sign(data), data, identity.key, { zip215: false })).toBe(true);
  expect(identity.id).not.toBe(Identity.generate().id);
});

test("its seed brings it back", () => {
  const identity = Identity.generate();
  const seed = Buffer.from(identity.seed);
  const again = new Identity(seed);
  seed.fill(0); // whoever gave it may use the buffer for something else
  expect([again.id, again.key, again.seed]).toEqual([identity.id, identity.key, identity.seed]);
});

test.each([new Uint8Array(31), new Uint8Array(64), "x".repeat(32), null])("what is no seed is refused: %o", (seed) => {
  expect(() => new Identity(seed as Uint8Array)).toThrow(BadIdentity);
  expect(() => new Identity(seed as Uint8Array)).toThrow(EitherwayError);
});

test.each([null, new Beside()])("incarnations grow whatever the clock does", (kept) => {
  const identity = new Identity(Identity.generate().seed, kept);
  const given = [1_000, 1_000, 500, 999, 2_000, 1, 2_001].map((clock) => identity.nextIncarnation("lobby", clock));
  expect(given).toEqual([1_000, 1_001, 1_002, 1_003, 2_000, 2_001, 2_002]);
  expect(identity.nextIncarnation("other room", 7)).toBe(7);
  expect(identity.nextIncarnation("lobby", 7, 9_000)).toBe(9_001);
  expect(identity.nextIncarnation("lobby", 9_010.7)).toBe(9_010);
});

test("incarnations outlive the program when the clock is set back", () => {
  const beside = new Beside();
  const { seed } = Identity.generate();
  expect(new Identity(seed, beside).nextIncarnation("lobby", 1_700_000_000_000)).toBe(1_700_000_000_000);
  expect(new Identity(seed, beside).nextIncarnation("lobby", 1_600_000_000_000)).toBe(1_700_000_000_001);
  expect(beside.stored).toEqual(new Map([["lobby", 1_700_000_000_001]]));
});

test("two programs of one identity never share an incarnation, and neither forgets what the other has stored", () => {
  const beside = new Beside();
  const { seed } = Identity.generate();
  const [one, two] = [new Identity(seed, beside), new Identity(seed, beside)];
  const given = [one, two, one, one, two].map((each) => each.nextIncarnation("lobby", 1_000));
  expect(given).toEqual([1_000, 1_001, 1_002, 1_003, 1_004]);
  two.nextIncarnation("other", 5);
  one.nextIncarnation("lobby", 1);
  expect(beside.stored.get("other")).toBe(5);
});

test("a number is stored before it is used", () => {
  const full: Incarnations = {
    load: () => new Map(),
    save: () => {
      throw new Error("full");
    },
  };
  const identity = new Identity(Identity.generate().seed, full);
  expect(() => identity.nextIncarnation("lobby", 1_000)).toThrow(/full/);
});

test("no incarnation is beyond what every JSON carries", () => {
  const identity = Identity.generate();
  expect(identity.nextIncarnation("lobby", 2 ** 53 - 1)).toBe(2 ** 53 - 1);
  expect(() => identity.nextIncarnation("lobby", 1)).toThrow(/beyond/);
});
