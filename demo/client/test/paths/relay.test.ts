/** The relay path keeps what a path promises, through a real server. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import { Lane } from "../../src/codec/frames.ts";
import { Connection } from "../../src/connection.ts";
import type { Path } from "../../src/paths/path.ts";
import { MAX_PACKETS, RelayPath, Relays } from "../../src/paths/relay.ts";
import { MAX_PACKET } from "../../src/protocol/limits.ts";
import { Member } from "../connection/connections.ts";
import { Server } from "../server.ts";
import { eventually } from "../waiting.ts";
import { checkPath, End, type Pair, textOf } from "./check-path.ts";

let server: Server;
let rooms = 0;
let open: RelayEnd[] = [];

beforeAll(async () => {
  server = await Server.started();
}, 60_000);

afterEach(async () => {
  await Promise.all(open.map((end) => end.path.close()));
  open = [];
});

afterAll(async () => {
  await server.stop("SIGKILL");
});

/** One program's end of a relay path: its lane is written before each packet, since a real one is sealed in it. */
class RelayEnd extends End implements Path {
  readonly member: Member;
  readonly connection: Connection;
  readonly relays: Relays;
  readonly path: Path = this;
  readonly refusals: [Uint8Array, string][] = [];
  /** How many packets each event had that was emitted. */
  readonly sizes: number[] = [];
  relay!: RelayPath<Uint8Array>; // made by `meet`
  #over = false;

  constructor(room: string, transport: "websocket" | "polling") {
    super();
    this.member = new Member(room);
    this.connection = new Connection(server.url, {
      reconnect: false,
      transports: [transport],
      onEvent: (name, data) => this.#event(name, data as Record<string, never>),
      onConnected: () => undefined,
      onDisconnected: (reason) => this.#ended(reason),
      onClosed: () => undefined,
      onError: () => undefined,
    });
    const emit = this.connection.emit.bind(this.connection);
    this.connection.emit = async (event, data) => {
      if ("packets" in data) this.sizes.push(data.packets.length);
      await emit(event, data);
    };
    this.relays = new Relays(this.connection);
  }

  /** Make the path to a peer. */
  meet(peer: string): void {
    this.relay = new RelayPath(this.relays, this.member.membership.room, peer, {
      onDrain: () => {
        if (!this.#over) this.onDrain();
      },
      onRefused: (what, code) => this.refusals.push([what, code]),
    });
  }

  get waiting(): number {
    return this.relay.waiting;
  }

  send(lane: Lane, packet: Uint8Array): void {
    if (packet.length === 0) throw new RangeError("an empty packet");
    if (!this.#over) this.relay.send(Uint8Array.of(lane, ...packet), packet);
  }

  async close(): Promise<void> {
    this.#ended("closed");
    await this.connection.close();
    this.relays.reset();
  }

  #event(name: string, data: Record<string, never>): void {
    if (name === "relay" && !this.#over) {
      const packet = new Uint8Array(data["packet"] as unknown as ArrayBuffer);
      this.onPacket(packet[0] as Lane, packet.subarray(1));
    } else if (name === "relayed") {
      this.relays.relayed(data["n"] as unknown as number);
    } else if (name === "refused") {
      this.relays.refused(data["n"] as unknown as number, data["to"] as unknown as string, String(data["code"]));
    } else if (name === "roster") {
      const changes = data["changes"] as unknown as { change: string }[];
      if (changes.some(({ change }) => /^peer-(away|left)$/.test(change))) this.#ended("the peer is gone");
    }
  }

  #ended(reason: string): void {
    if (this.#over) return;
    this.onEnded(reason);
    this.#over = true;
  }
}

async function makeRelayPair(transport: "websocket" | "polling"): Promise<Pair<RelayEnd>> {
  rooms += 1;
  const left = new RelayEnd(`room ${rooms}`, transport);
  const right = new RelayEnd(`room ${rooms}`, transport);
  open.push(left, right);
  for (const end of [left, right]) {
    await end.connection.open();
    await end.member.join(end.connection);
  }
  left.meet(right.member.identity.id);
  right.meet(left.member.identity.id);
  return { left, right };
}

describe("by WebSocket", () => {
  checkPath(() => makeRelayPair("websocket"), { largest: MAX_PACKET - 1 });
});

describe("by long-polling", () => {
  checkPath(() => makeRelayPair("polling"), { largest: MAX_PACKET - 1 });
});

test("what the server refuses comes back with its reason, and is not waited for", async () => {
  const { left } = await makeRelayPair("websocket");
  left.meet("a".repeat(32));
  const packet = Uint8Array.of(1, 2, 3);
  left.send(Lane.RELIABLE, packet);
  await eventually(() => left.refusals.length === 1, "the refusal");
  expect(left.refusals).toEqual([[packet, "unknown-peer"]]);
  await eventually(() => left.waiting === 0, "the acknowledgement");
});

test("what is sent in one turn goes as one event, of what the server takes", async () => {
  const { left, right } = await makeRelayPair("polling");
  for (let number = 0; number < 100; number += 1) left.send(Lane.RELIABLE, Uint8Array.of(number));
  await right.until(() => right.packets.length === 100);
  expect(left.sizes).toEqual([100]);
  for (let number = 0; number < 400; number += 1) left.send(Lane.BULK, Uint8Array.of(number & 255));
  await left.relays.sent();
  expect(left.sizes.slice(1)).toEqual([MAX_PACKETS, MAX_PACKETS, MAX_PACKETS, 400 - 3 * MAX_PACKETS]);
  for (let number = 0; number < 10; number += 1) left.send(Lane.RELIABLE, new Uint8Array(MAX_PACKET - 1));
  await left.relays.sent();
  expect(left.sizes.slice(5)).toEqual([8, 2]);
  await right.until(() => right.packets.length === 510);
  expect(right.of(Lane.BULK)).toEqual(Array.from({ length: 400 }, (_, number) => textOf(Uint8Array.of(number & 255))));
});

test("packets of two rooms go in events of their own, in order", async () => {
  const { left, right } = await makeRelayPair("websocket");
  const elsewhere = new RelayPath<number>(left.relays, "never joined", right.member.identity.id, {
    onDrain: () => undefined,
    onRefused: () => undefined,
  });
  left.send(Lane.RELIABLE, Uint8Array.of(1));
  elsewhere.send(Uint8Array.of(9), 9);
  left.send(Lane.RELIABLE, Uint8Array.of(2));
  await right.until(() => right.packets.length === 2);
  expect(left.sizes).toEqual([1, 1, 1]);
  expect(right.of(Lane.RELIABLE)).toEqual(["01", "02"]);
});

test("with the connection everything that was on its way is forgotten, and numbers begin anew", async () => {
  const { left, right } = await makeRelayPair("websocket");
  left.send(Lane.RELIABLE, new Uint8Array(1_000));
  expect(left.waiting).toBe(1_001);
  left.relays.reset();
  expect(left.waiting).toBe(0);
  await left.relays.sent();
  left.send(Lane.RELIABLE, Uint8Array.of(7));
  await right.until(() => right.packets.length === 1);
  await eventually(() => left.waiting === 0, "the acknowledgement");
  expect(right.of(Lane.RELIABLE)).toEqual(["07"]);
  left.relays.relayed(99);
  left.relays.refused(99, "nobody", "busy");
  expect([left.waiting, left.refusals]).toEqual([0, []]);
});
