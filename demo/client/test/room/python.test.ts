/** A client and a Python peer over the relay, each way: the two libraries speak the same protocol. */

import { afterAll, afterEach, beforeAll, expect, test } from "vitest";

import type { Peer, Room } from "../../src/index.ts";
import { Collected, collect, join } from "../clients.ts";
import { make, PythonPeer, shown } from "../python-peer.ts";
import { Server } from "../server.ts";
import { inTime } from "../waiting.ts";

let server: Server;
let python: PythonPeer | null = null;
let count = 0;

beforeAll(async () => {
  server = await Server.started("--grace", "1");
}, 40_000);
afterAll(() => server.stop());
afterEach(async () => {
  await python?.end("SIGKILL");
  python = null;
});

async function both(...options: string[]): Promise<{ room: Room; peer: Peer; python: PythonPeer }> {
  count += 1;
  const name = `python ${count}`;
  const room = await join(server.url, name, { profile: { name: "TypeScript", colour: "blue" } });
  python = await PythonPeer.joined(server.url, name, ...options);
  const peer = await room.waitForPeer({ timeout: 20_000 });
  return { room, peer, python };
}

test("text, bytes and values arrive there as what they are", async () => {
  const { room, peer, python } = await both();
  expect(peer.name).toBe("Python");
  expect(await python.next("peer")).toMatchObject({ name: "TypeScript", profile: { colour: "blue" }, id: room.id });
  const bytes = make(3_000, 9);
  const values: [unknown, unknown, string][] = [
    ["hello ☃", "hello ☃", "str"],
    [bytes, shown(bytes), "bytes"],
    [{ n: 1, half: 0.5, list: [true, null, "x"] }, { n: 1, half: 0.5, list: [true, null, "x"] }, "dict"],
    [7, 7, "int"],
    [1.5, 1.5, "float"],
    [null, null, "NoneType"],
  ];
  for (const [data, seen, kind] of values) {
    await peer.send(data);
    expect(await python.next("message")).toMatchObject({ data: seen, kind, path: "relay", lane: "reliable" });
  }
});

test("text, bytes and values arrive here as what they are", async () => {
  const { room, peer, python } = await both();
  const heard = collect(room);
  python.do("send", "", "reliable", "from Python ☃");
  python.do("send", "", "reliable", { a: [1, 2.5, null, { b: true }] });
  python.do("bytes", "", "reliable", 5_000, 3);
  const messages = await heard.count(3);
  expect(messages.map(({ data }) => data)).toEqual([
    "from Python ☃",
    { a: [1, 2.5, null, { b: true }] },
    make(5_000, 3),
  ]);
  expect(messages[0]).toMatchObject({ peer, channel: "", lane: "reliable", path: "relay" });
});

test("a megabyte and sixteen go there and come back", async () => {
  const { room, python } = await both("--echo", "--channel", "file:bulk");
  const heard = new Collected<{ data: unknown }>();
  const echoes = collect(room);
  const file = room.channel("file", { lane: "bulk" });
  file.on("message", heard.take);
  const large = make(2 ** 24, 5);
  const small = make(2 ** 20, 6);
  await Promise.all([file.send(large), room.send(small)]);
  expect(shown((await echoes.count(1, "the small one", 60_000))[0]?.data as Uint8Array)).toEqual(shown(small));
  expect(shown((await heard.count(1, "the large one", 60_000))[0]?.data as Uint8Array)).toEqual(shown(large));
  const told = [await python.next("message"), await python.next("message")];
  expect(told.map(({ lane }) => lane).sort()).toEqual(["bulk", "reliable"]);
}, 120_000);

test("datagrams go there and come back", async () => {
  const { room, peer } = await both("--echo", "--channel", "pose:datagram");
  const pose = room.channel<{ n: number }>("pose", { lane: "datagram", latest: true });
  const heard = new Collected<{ data: unknown }>();
  pose.on("message", heard.take);
  for (let n = 1; heard.all.length === 0 && n < 200; n += 1) {
    await pose.send({ n });
    await peer.ping({ timeout: 5_000 });
  }
  expect(heard.all[0]?.data).toMatchObject({ n: expect.any(Number) });
});

test("two hundred messages each way at once keep their order", async () => {
  const { room, peer, python } = await both();
  const heard = collect(room);
  const numbers = Array.from({ length: 200 }, (_, n) => n);
  for (const n of numbers) python.do("send", "", "reliable", n);
  await Promise.all(numbers.map((n) => peer.send(n)));
  expect((await heard.count(200)).map(({ data }) => data)).toEqual(numbers);
  const seen: unknown[] = [];
  for (const _ of numbers) seen.push((await python.next("message"))["data"]);
  expect(seen).toEqual(numbers);
});

test("a peer that leaves is told as left, and one that is killed as lost, with what it may not have got", async () => {
  const { room, peer, python } = await both();
  await peer.send("handled");
  await peer.flush({ timeout: 10_000 });
  const undelivered = new Collected<{ messages: readonly { data: unknown }[]; reason: string }>();
  room.on("undelivered", undelivered.take);
  const gone = new Promise((resolve) => room.on("peerLeft", (_, reason) => resolve(reason)));
  await python.end("SIGKILL");
  await peer.send("one").catch(() => undefined);
  await peer.send("two").catch(() => undefined);
  expect(await inTime(gone)).toBe("lost");
  const [report] = await undelivered.count(1);
  expect(report?.messages.map(({ data }) => data)).toEqual(["one", "two"]);
  expect(report).toMatchObject({ name: "Undelivered", peer });
  const second = await PythonPeer.joined(server.url, room.name);
  await room.waitForPeer({ timeout: 5_000 });
  const left = new Promise((resolve) => room.on("peerLeft", (_, reason) => resolve(reason)));
  second.do("leave");
  expect(await inTime(left)).toBe("left");
  await second.end("SIGKILL");
});

test("leaving tells the Python peer, after everything that was sent", async () => {
  const { room, peer, python } = await both();
  for (let n = 0; n < 20; n += 1) await peer.send(n);
  await room.leave();
  for (let n = 0; n < 20; n += 1) expect(await python.next("message")).toMatchObject({ data: n });
  expect(await python.next("gone")).toMatchObject({ reason: "left", id: room.id });
});
