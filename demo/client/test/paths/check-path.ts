/** What a path promises (`src/paths/path.ts`), as one suite for every kind of path. */

import { expect, test } from "vitest";

import { Lane } from "../../src/codec/frames.ts";
import type { Path } from "../../src/paths/path.ts";
import { eventually } from "../waiting.ts";

const ORDERED = [Lane.RELIABLE, Lane.BULK] as const;

/** One side of a pair: its path, and what its path told. */
export abstract class End {
  abstract readonly path: Path;
  readonly packets: [Lane, Uint8Array][] = [];
  drains = 0;
  readonly reasons: string[] = [];
  readonly afterEnd: string[] = [];

  onPacket(lane: Lane, packet: Uint8Array): void {
    this.note("packet");
    this.packets.push([lane, packet]);
  }

  onDrain(): void {
    this.note("drain");
    this.drains += 1;
  }

  onEnded(reason: string): void {
    this.note("ended");
    this.reasons.push(reason);
  }

  note(what: string): void {
    if (this.reasons.length > 0) this.afterEnd.push(what);
  }

  /** Until something has come about here. */
  async until(condition: () => boolean, what = "it"): Promise<void> {
    await eventually(condition, `${what} (${this.packets.length} packets, ended: ${this.reasons.join()})`);
  }

  /** The packets of some lanes, as text: that is compared, and shown, in no time. */
  of(...lanes: Lane[]): string[] {
    return this.packets.filter(([lane]) => lanes.includes(lane)).map(([, packet]) => textOf(packet));
  }
}

/** Two ends that are connected. */
export interface Pair<E extends End = End> {
  readonly left: E;
  readonly right: E;
}

/** Bytes as hexadecimal text. */
export function textOf(packet: Uint8Array): string {
  return Buffer.from(packet).toString("hex");
}

/** Packets that differ, of various sizes up to `size`. */
export function numbered(count: number, size: number, seed = 1): Uint8Array[] {
  return Array.from({ length: count }, (_, number) => {
    const packet = new Uint8Array(4 + ((number * 7_919 + seed * 104_729) % (size - 4)));
    packet.fill(number * 31 + seed);
    new DataView(packet.buffer).setUint32(0, number);
    return packet;
  });
}

async function close(pair: Pair): Promise<void> {
  await Promise.all([pair.left.path.close(), pair.right.path.close()]);
}

/** The suite for one kind of path, to be called within a `describe`. `largest`: bytes in its largest packet. */
export function checkPath(makePair: () => Promise<Pair>, { largest = 65_536 } = {}): void {
  test("packets come whole, once and in the order of their lane", async () => {
    const pair = await makePair();
    const [reliable, bulk] = ORDERED.map((lane) => numbered(60, 3_000, lane)) as [Uint8Array[], Uint8Array[]];
    for (const [index, packet] of reliable.entries()) {
      pair.left.path.send(Lane.RELIABLE, packet);
      pair.left.path.send(Lane.BULK, bulk[index] as Uint8Array);
    }
    await pair.right.until(() => pair.right.of(...ORDERED).length >= 120, "120 packets");
    expect(pair.right.of(Lane.RELIABLE)).toEqual(reliable.map(textOf));
    expect(pair.right.of(Lane.BULK)).toEqual(bulk.map(textOf));
    await close(pair);
    expect(pair.right.packets).toHaveLength(120);
  });

  test("both directions at once", async () => {
    const pair = await makePair();
    const there = numbered(40, 9_000, 1);
    const back = numbered(40, 9_000, 2);
    for (const [index, packet] of there.entries()) {
      pair.left.path.send(Lane.BULK, packet);
      pair.right.path.send(Lane.BULK, back[index] as Uint8Array);
    }
    await pair.right.until(() => pair.right.packets.length >= 40);
    await pair.left.until(() => pair.left.packets.length >= 40);
    expect(pair.right.of(Lane.BULK)).toEqual(there.map(textOf));
    expect(pair.left.of(Lane.BULK)).toEqual(back.map(textOf));
    await close(pair);
  });

  test("datagrams come whole and at most once", async () => {
    const pair = await makePair();
    const sent = numbered(20, 1_000);
    for (const packet of sent) pair.left.path.send(Lane.DATAGRAM, packet);
    pair.left.path.send(Lane.RELIABLE, Uint8Array.of(1));
    await pair.right.until(() => pair.right.of(Lane.RELIABLE).length === 1, "the mark");
    const arrived = pair.right.of(Lane.DATAGRAM);
    expect(new Set(arrived).size).toBe(arrived.length);
    const all = new Set(sent.map(textOf));
    expect(arrived.filter((packet) => !all.has(packet))).toEqual([]);
    await close(pair);
  });

  test("the largest and the smallest packet", async () => {
    const pair = await makePair();
    const large = new Uint8Array(largest).map((_, index) => index * 37);
    const sent = [large, Uint8Array.of(120), large];
    for (const packet of sent) pair.left.path.send(Lane.RELIABLE, packet);
    await pair.right.until(() => pair.right.packets.length >= 3);
    expect(pair.right.of(Lane.RELIABLE)).toEqual(sent.map(textOf));
    await close(pair);
  });

  test("packets that are none are refused", async () => {
    const pair = await makePair();
    for (const size of [0, largest + 1]) {
      expect(() => pair.left.path.send(Lane.RELIABLE, new Uint8Array(size)), `${size} bytes`).toThrow(RangeError);
    }
    expect(pair.left.path.waiting).toBe(0);
    await close(pair);
  });

  test("what waits is told, and so is that there is room again", async () => {
    const pair = await makePair();
    const packet = new Uint8Array(16_384);
    let sent = 0;
    // More than any engine takes at once, so that something waits.
    while (pair.left.path.waiting < 16 * packet.length && sent < 2_000) {
      pair.left.path.send(Lane.BULK, packet);
      sent += 1;
    }
    expect(pair.left.path.waiting).toBeGreaterThanOrEqual(16 * packet.length);
    expect(pair.left.drains).toBe(0);
    // Fed by what `onDrain` tells and nothing else, it must never stall.
    for (let round = 0; round < 20; round += 1) {
      const { drains } = pair.left;
      await pair.left.until(() => pair.left.drains > drains, `drain ${round}`);
      do {
        pair.left.path.send(Lane.BULK, packet);
        sent += 1;
      } while (pair.left.path.waiting === 0 && sent < 4_000);
    }
    await pair.left.until(() => pair.left.path.waiting === 0);
    await pair.right.until(() => pair.right.packets.length >= sent, `${sent} packets`);
    expect(pair.right.packets).toHaveLength(sent);
    await close(pair);
  });

  test("its own end is told once", async () => {
    const pair = await makePair();
    await pair.left.path.close();
    await pair.left.path.close();
    expect(pair.left.reasons).toHaveLength(1);
    pair.left.path.send(Lane.RELIABLE, Uint8Array.of(1));
    await close(pair);
    expect(pair.left.reasons).toHaveLength(1);
    expect(pair.left.afterEnd).toEqual([]);
  });

  test("the end of the other side is told once", async () => {
    const pair = await makePair();
    await pair.left.path.close();
    await pair.right.until(() => pair.right.reasons.length > 0, "the end");
    pair.right.path.send(Lane.RELIABLE, Uint8Array.of(1));
    await close(pair);
    expect(pair.right.reasons).toHaveLength(1);
    expect(pair.right.afterEnd).toEqual([]);
  });

  test("only a tail is missing when it ends in mid-stream", async () => {
    const pair = await makePair();
    const sent = numbered(400, 4_000);
    for (const packet of sent) for (const lane of ORDERED) pair.left.path.send(lane, packet);
    await pair.right.until(() => pair.right.packets.length >= 20);
    await close(pair);
    for (const lane of ORDERED) {
      const arrived = pair.right.of(lane);
      expect(arrived).toEqual(sent.slice(0, arrived.length).map(textOf));
    }
    expect(pair.right.afterEnd).toEqual([]);
  });
}
