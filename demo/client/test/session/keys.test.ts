/** What halves mean, and a link's packets from its first one on, as the vectors have them. */

import { describe, expect, test } from "vitest";
import { Frame, FrameType, Lane, decodePacket, encodePacket } from "../../src/codec/frames.ts";
import { encodeSignal } from "../../src/codec/payloads.ts";
import type { Value, ValueMap } from "../../src/codec/values.ts";
import { Binding, type Half, type Halves } from "../../src/session/binding.ts";
import { Handshakes, encodeHint, keyIdOf } from "../../src/session/handshake.ts";
import { Key, KeyRing, MAX_PACKETS, REPLAY_WINDOW, RENEW_PACKETS, RENEW_SECONDS, SealError, WrongKey } from "../../src/session/seal.ts";
import { readSignal } from "../../src/session/sealed.ts";
import { hex, load, unhex } from "../vectors.ts";

type HalfJson = [number, number];
type Tagged = null | boolean | number | string | Tagged[] | { map: [string, Tagged][] } | { bytes: string };

interface HalvesVectors {
  readonly own: HalfJson;
  readonly ended: HalfJson;
  readonly cases: readonly ({ bound: HalfJson | null; said: HalfJson[] } & Record<string, boolean>)[];
}

interface Person {
  readonly id: string;
  readonly key: string;
  readonly incarnation: number;
  readonly static_private: string;
  readonly static: string;
  readonly statement: string;
}

interface Message {
  readonly ephemeral: string;
  readonly halves: HalfJson[];
  readonly settings: Tagged;
  readonly frames: string;
  readonly packet: string;
}

type Sender = "initiator" | "responder";

interface Packets {
  readonly room: string;
  readonly initiator: Person;
  readonly responder: Person;
  readonly message_1: Message & { readonly key_id: number };
  readonly message_2: Message;
  readonly sealed: readonly { sender: Sender; counter: number; frames: string; packet: string }[];
  readonly signals: readonly { counter: number; kind: string; attempt: number; body: Tagged; frames: string; packet: string }[];
  readonly hints: readonly { key_id: number; packet: string }[];
}

function half([incarnation, number]: HalfJson): Half {
  return { incarnation, number };
}

function said(halves: HalfJson[]): Halves {
  const [own, bound, ended] = halves as [HalfJson, HalfJson, HalfJson];
  return { own: half(own), bound: half(bound), ended: half(ended) };
}

function fromJson(tagged: Tagged): Value {
  if (Array.isArray(tagged)) return tagged.map(fromJson);
  if (typeof tagged !== "object" || tagged === null) return tagged;
  if ("bytes" in tagged) return unhex(tagged.bytes);
  return Object.fromEntries(tagged.map.map(([key, value]) => [key, fromJson(value)]));
}

function handshakes(vectors: Packets, me: Sender, peer: Sender, settings: Tagged, drawn: Uint8Array[]): Handshakes {
  const [mine, theirs] = [vectors[me], vectors[peer]];
  return new Handshakes(
    vectors.room,
    {
      id: mine.id,
      key: unhex(mine.key),
      incarnation: mine.incarnation,
      staticPrivate: unhex(mine.static_private),
      statement: unhex(mine.statement),
    },
    { id: theirs.id, key: unhex(theirs.key), incarnation: theirs.incarnation, static: unhex(theirs.static), statement: null },
    fromJson(settings) as ValueMap,
    () => drawn.shift() as Uint8Array,
  );
}

test("halves mean what the vectors say", () => {
  const vectors = load<HalvesVectors>("halves.json");
  const seen = new Set<string>();
  for (const one of vectors.cases) {
    const binding = new Binding(half(vectors.own), half(vectors.ended));
    binding.bound = one.bound && half(one.bound);
    const halves = said(one.said);
    const verdict = {
      impossible: binding.isImpossible(halves),
      over: binding.isOver(halves),
      stale: binding.isStale(halves),
      elsewhere: binding.isElsewhere(halves),
      answers_another: binding.answersAnother(halves),
    };
    expect(one).toMatchObject(verdict);
    for (const [name, is] of Object.entries(verdict)) seen.add(`${name} ${is}`);
  }
  expect(seen.size).toBe(10);
});

describe("a link's packets", () => {
  const vectors = load<Packets>("packets.json");
  const { message_1: one, message_2: two } = vectors;
  const keyId = new Uint8Array(4);
  new DataView(keyId.buffer).setUint32(0, one.key_id);
  const initiator = handshakes(vectors, "initiator", "responder", one.settings, [keyId, unhex(one.ephemeral)]);
  const responder = handshakes(vectors, "responder", "initiator", two.settings, [unhex(two.ephemeral)]);

  const first = initiator.begin(said(one.halves), unhex(one.frames), { has: () => false });
  const [hello, read] = responder.readFirst(first);
  const [second, keys] = responder.answer(first, read, said(two.halves), unhex(two.frames));
  const [answer, others] = initiator.readSecond(second);

  test("the handshake", () => {
    expect(hex(first)).toBe(one.packet);
    expect({ ...hello, frames: hex(hello.frames) }).toEqual({
      keyId: one.key_id,
      halves: said(one.halves),
      settings: fromJson(one.settings),
      frames: one.frames,
    });
    expect(hex(second)).toBe(two.packet);
    expect({ ...answer, frames: hex(answer.frames) }).toEqual({
      keyId: one.key_id,
      halves: said(two.halves),
      settings: fromJson(two.settings),
      frames: two.frames,
    });
  });

  test("sealed frames, signals and hints", () => {
    const both = { initiator: new Key(one.key_id, others, 0), responder: new Key(one.key_id, keys, 0) };
    for (const { sender, counter, frames, packet } of vectors.sealed) {
      both[sender].sealed = counter;
      expect(hex(both[sender].seal(unhex(frames)))).toBe(packet);
      const receiver = both[sender === "initiator" ? "responder" : "initiator"];
      expect(hex(receiver.open(counter, unhex(packet)))).toBe(frames);
      expect(decodePacket(unhex(frames)).length).toBeGreaterThan(0);
    }
    const receiver = new Key(one.key_id, keys, 0);
    for (const { counter, kind, attempt, body, frames, packet } of vectors.signals) {
      const payload = fromJson(body) as ValueMap;
      const signal = encodeSignal(kind, attempt, payload);
      const packed = encodePacket([new Frame(FrameType.SIGNAL, Lane.RELIABLE, false, 0, 0, signal)]);
      expect(hex(packed)).toBe(frames);
      both.initiator.sealed = counter;
      expect(hex(both.initiator.seal(packed))).toBe(packet);
      expect(readSignal(receiver.open(counter, unhex(packet)))).toEqual({ kind, attempt, payload });
    }
    for (const { key_id, packet } of vectors.hints) {
      expect(hex(encodeHint(key_id))).toBe(packet);
      expect(keyIdOf(unhex(packet))).toBe(key_id);
    }
  });

  test("a packet opens once, whole, and with its own key", () => {
    const sender = new Key(7, others, 0);
    const ring = new KeyRing();
    ring.add(7, keys, 0);
    const packet = sender.seal(unhex(one.frames));
    for (let at = 0; at < packet.length; at++) {
      const forged = packet.slice();
      forged[at] = (forged[at] ?? 0) ^ 1;
      expect(() => ring.open(forged), `byte ${at}`).toThrow(SealError);
    }
    expect(() => ring.open(packet.subarray(0, 24))).toThrow("malformed");
    expect(hex(ring.open(packet))).toBe(one.frames);
    expect(() => ring.open(packet)).toThrow("replay");
    for (const other of [8, 9, 10]) ring.add(other, keys, 0);
    expect(hex(ring.open(sender.seal(unhex(one.frames))))).toBe(one.frames);
    ring.add(11, keys, 0); // the fifth: the first is forgotten
    const late = sender.seal(unhex(one.frames));
    expect(() => ring.open(late)).toThrow(new WrongKey("unknown key", 7));
  });

  test("of packets in disorder each opens once, and none that is older than the window", () => {
    const sender = new Key(7, others, 0);
    const receiver = new Key(7, keys, 0);
    const packets = Array.from({ length: 3 * REPLAY_WINDOW }, () => sender.seal(new Uint8Array(0)));
    const opens = (counter: number) => {
      try {
        receiver.open(counter, packets[counter] as Uint8Array);
        return true;
      } catch (error) {
        if (!(error instanceof SealError) || error.reason !== "replay") throw error;
        return false;
      }
    };
    for (const counter of [5, 3, 4, 0, REPLAY_WINDOW, 7, 2 * REPLAY_WINDOW + 9]) {
      expect(opens(counter), `${counter}`).toBe(true);
      expect(opens(counter), `${counter} again`).toBe(false);
    }
    const oldest = REPLAY_WINDOW + 10;
    expect(opens(oldest - 1)).toBe(false);
    for (let counter = oldest; counter < 2 * REPLAY_WINDOW + 9; counter++) expect(opens(counter)).toBe(true);
    for (let counter = 0; counter <= 2 * REPLAY_WINDOW + 9; counter++) expect(opens(counter)).toBe(false);
  });

  test("no key seals for ever", () => {
    const key = new Key(7, others, 100);
    expect(key.needsRenewal(100)).toBe(false);
    expect(key.needsRenewal(100 + RENEW_SECONDS)).toBe(true);
    key.sealed = RENEW_PACKETS;
    expect(key.needsRenewal(100)).toBe(true);
    key.sealed = MAX_PACKETS - 1;
    key.seal(new Uint8Array(1));
    expect(key.exhausted).toBe(true);
    expect(() => key.seal(new Uint8Array(1))).toThrow("exhausted key");
  });
});
