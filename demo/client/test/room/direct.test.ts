/** The direct path, with node-datachannel's RTCPeerConnection: to another client, and to a Python peer (aiortc). */

import { afterAll, afterEach, beforeAll, expect, test as anyTest } from "vitest";

import type { ClientOptions, Peer, Room } from "../../src/index.ts";
import type { MakeConnection } from "../../src/paths/direct.ts";
import { Collected, collect, join, joinBoth } from "../clients.ts";
import { Front } from "../front.ts";
import { connections, makeConnection, noting } from "../paths/direct-pair.ts";
import { make, PythonPeer, shown } from "../python-peer.ts";
import { Server } from "../server.ts";
import { eventually } from "../waiting.ts";
import { Numbers } from "./numbers.ts";

const test = anyTest.skipIf(makeConnection === undefined);

let server: Server;
let python: PythonPeer | null = null;
let count = 0;

const direct: ClientOptions & { p2p: "auto" } = { RTCPeerConnection: noting(makeConnection as MakeConnection), p2p: "auto" };

beforeAll(async () => {
  server = await Server.started("--grace", "2");
}, 40_000);
afterAll(() => server.stop());
afterEach(async () => {
  await python?.end("SIGKILL");
  python = null;
  connections.length = 0;
});

function fresh(): string {
  count += 1;
  return `direct ${count}`;
}

async function withPython(...options: string[]): Promise<{ room: Room; peer: Peer; python: PythonPeer }> {
  const room = await join(server.url, fresh(), direct);
  python = await PythonPeer.joined(server.url, room.name, "--p2p", "auto", ...options);
  return { room, peer: await room.waitForPeer({ timeout: 20_000 }), python };
}

test("two clients go direct, and tell so", async () => {
  const { ada, bob, toBob, toAda } = await joinBoth(server.url, fresh(), direct);
  const paths: unknown[] = [];
  ada.on("pathChanged", (peer, path) => void paths.push([peer, path]));
  const heard = collect(bob);
  await toBob.send("over the relay");
  await eventually(() => toBob.path === "direct" && toAda.path === "direct", "the direct path");
  await toBob.send("direct");
  const messages = await heard.count(2);
  expect(messages.map(({ data, path }) => [data, path])).toEqual([["over the relay", "relay"], ["direct", "direct"]]);
  expect(paths).toContainEqual([toBob, "direct"]);
  const { rtt, path } = await toBob.ping({ timeout: 5_000 });
  expect(path).toBe("direct");
  expect(rtt).toBeLessThan(5_000);
  await eventually(() => toBob.stats().paths.some(({ candidates }) => candidates !== null), "the candidates");
  const stats = toBob.stats().paths.find((one) => one.path === "direct");
  expect(stats).toMatchObject({ attempt: expect.any(Number), suspect: false, candidates: { localType: expect.any(String) } });
  expect(stats?.rtt).toBeGreaterThan(0);
  expect(stats?.sent).toBeGreaterThan(0);
});

test("what comes after a silence goes out before the event loop turns, in one packet", async () => {
  const { bob, toBob } = await joinBoth(server.url, fresh(), direct);
  const heard = collect(bob);
  await eventually(() => toBob.path === "direct", "the direct path");
  await toBob.send("first");
  await heard.count(1);
  let packets = 0;
  for (const { channels } of connections) {
    const [reliable] = channels;
    if (reliable === undefined) continue;
    const send = reliable.send.bind(reliable) as (data: Uint8Array<ArrayBuffer>) => void;
    reliable.send = (data: unknown) => {
      packets += 1;
      send(data as Uint8Array<ArrayBuffer>);
    };
  }
  await new Promise((resolve) => setTimeout(resolve, 5)); // the silence
  for (let n = 0; n < 10; n += 1) void toBob.send(n);
  for (let n = 0; n < 50; n += 1) await Promise.resolve(); // microtasks alone
  expect(packets).toBe(1);
  await heard.count(11);
});

test("never means never, whatever the other side wants", async () => {
  const room = fresh();
  const ada = await join(server.url, room, { ...direct, p2p: "never" });
  const bob = await join(server.url, room, { ...direct, p2p: "eager" });
  const toBob = await ada.waitForPeer({ timeout: 5_000 });
  const heard = collect(ada);
  const toAda = await bob.waitForPeer({ timeout: 5_000 });
  for (let n = 0; n < 100; n += 1) {
    await toAda.send(n);
    await toAda.ping({ timeout: 5_000 });
  }
  await heard.count(100);
  expect(connections).toHaveLength(0);
  expect([toBob.path, toAda.path]).toEqual(["relay", "relay"]);
  expect(toBob.stats().attempts).toBe(0);
});

test("a direct path is cut again and again under load: nothing is lost, doubled or swapped", async () => {
  const pair = await joinBoth(server.url, fresh(), direct);
  const { bob, toBob, toAda } = pair;
  const paths = new Set<string>();
  bob.on("message", ({ path }) => void paths.add(path));
  const numbers = new Numbers(pair, 2);
  for (let cut = 0; cut < 3; cut += 1) {
    await eventually(() => toBob.path === "direct" && toAda.path === "direct", `direct path ${cut + 1}`, 30_000);
    await numbers.more(100);
    for (const { connection } of connections.splice(0)) connection.close();
    await numbers.more(100);
  }
  await numbers.end();
  expect(paths).toEqual(new Set(["relay", "direct"]));
}, 120_000);

test("a client and a Python peer go direct: strings, values, megabytes, datagrams, each way", async () => {
  const { room, peer, python } = await withPython("--echo", "--channel", "file:bulk", "--channel", "pose:datagram");
  const echoes = collect(room);
  await eventually(() => peer.path === "direct", "the direct path", 30_000);
  await peer.send("hello");
  await peer.send({ x: [1, 2] });
  const small = make(2 ** 20, 4);
  await peer.send(small);
  const all = await echoes.count(3, "the echoes", 60_000);
  expect(all.slice(0, 2).map(({ data }) => data)).toEqual(["hello", { x: [1, 2] }]);
  expect(shown(all[2]?.data as Uint8Array)).toEqual(shown(small));
  expect(all[2]?.path).toBe("direct");

  const pose = peer.channel("pose", { lane: "datagram" });
  const poses = new Collected<{ data: unknown; path: string }>();
  pose.on("message", poses.take);
  const direct = (): boolean => poses.all.some(({ path }) => path === "direct");
  for (let n = 0; !direct() && n < 200; n += 1) {
    await pose.send({ n });
    await peer.ping({ timeout: 5_000 });
  }
  expect(direct()).toBe(true);

  const file = peer.channel("file", { lane: "bulk" });
  const files = new Collected<{ data: unknown }>();
  file.on("message", files.take);
  const large = make(2 ** 24, 8);
  await file.send(large);
  expect(shown((await files.count(1, "the file", 90_000))[0]?.data as Uint8Array)).toEqual(shown(large));
  const told = await python.next("path");
  expect(told).toMatchObject({ path: "direct", id: room.id });
}, 180_000);

test("the server goes for good: a direct path carries on without it", async () => {
  const own = await Server.started();
  try {
    const { ada, bob, toBob, toAda } = await joinBoth(own.url, fresh(), direct);
    const heard = collect(bob);
    await toBob.send("before");
    await eventually(() => toBob.path === "direct" && toAda.path === "direct", "the direct path");
    await own.stop("SIGKILL");
    await eventually(() => !bob.client.connected, "the loss of the connection");
    for (let n = 0; n < 50; n += 1) await toBob.send(n);
    await toBob.flush({ timeout: 10_000 });
    expect(heard.all.map(({ data }) => data)).toEqual(["before", ...Array.from({ length: 50 }, (_, n) => n)]);
    expect(heard.all.at(-1)?.path).toBe("direct");
    const lost = new Collected<unknown>();
    ada.on("undelivered", lost.take);
    await Promise.all([ada.leave(), bob.leave()]);
    expect(lost.all).toEqual([]);
  } finally {
    await own.stop("SIGKILL");
  }
}, 60_000);

test("a peer that only the server has lost is the same one, and tells what it says of itself now", async () => {
  const front = await Front.started(server.port, "pass");
  const room = fresh();
  const onlooker = await join(server.url, room);
  const lost = new Collected<unknown>();
  onlooker.on("peerLeft", (_, reason) => lost.take(reason));
  const ada = await join(server.url, room, direct);
  const bob = await join(front.url, room, { ...direct, profile: { name: "Bob" } });
  const toBob = await ada.waitForPeer({ id: bob.id, timeout: 10_000 });
  const [left, joined, updated] = [new Collected<unknown>(), new Collected<unknown>(), new Collected<unknown>()];
  ada.on("peerLeft", left.take);
  ada.on("peerJoined", joined.take);
  ada.on("peerUpdated", (peer) => updated.take(peer.name));
  /** Bob's way to the server is cut for longer than its grace time. */
  async function cut(times: number): Promise<void> {
    front.manner = "hang-up";
    front.cut();
    await lost.count(times, "what the server tells");
    await eventually(() => toBob.away, "that it is away");
  }

  try {
    await toBob.send("a word: without any, another attempt would wait for long");
    const isDirect = (): boolean => toBob.path === "direct" && bob.peers.get(ada.id)?.path === "direct";
    await eventually(isDirect, "the direct path", 45_000);
    await bob.setProfile({ name: "before" });
    await updated.count(1);
    const heard = collect(bob);
    await cut(1);
    await toBob.send("still here");
    expect((await heard.count(2))[1]).toMatchObject({ data: "still here", path: "direct" });
    front.manner = "pass";
    await eventually(() => !toBob.away, "the way back");
    await toBob.flush({ timeout: 10_000 });
    expect(updated.all).toEqual(["before"]);
    await cut(2);
    await bob.setProfile({ name: "meanwhile" }).catch(() => undefined); // told with another statement when it comes back
    front.manner = "pass";
    expect(await updated.count(2)).toEqual(["before", "meanwhile"]);
    expect([ada.peers.get(bob.id), left.all, joined.all]).toEqual([toBob, [], []]);
  } finally {
    await bob.client.close();
    await front.close();
  }
}, 120_000);

test("a Python peer is killed: the relay takes over at once, then what it did not get is reported", async () => {
  const { room, peer, python } = await withPython();
  await peer.send("first");
  await eventually(() => peer.path === "direct", "the direct path", 30_000);
  await peer.flush({ timeout: 10_000 });
  const reports = new Collected<{ messages: readonly { data: unknown }[] }>();
  room.on("undelivered", reports.take);
  const gone = new Collected<unknown>();
  room.on("peerLeft", (_, reason) => gone.take(reason));
  await python.end("SIGKILL");
  await peer.send("unheard");
  await gone.count(1, "the peer's end", 20_000);
  expect(gone.all).toEqual(["lost"]);
  const [report] = await reports.count(1);
  expect(report?.messages.map(({ data }) => data)).toEqual(["unheard"]);
}, 60_000);
