/** Two clients over the relay of a real server. */

import { afterAll, beforeAll, expect, test } from "vitest";

import { Collected, collect, join, joinBoth } from "../clients.ts";
import { make, shown } from "../python-peer.ts";
import { Server } from "../server.ts";
import { inTime } from "../waiting.ts";

let server: Server;
let count = 0;

beforeAll(async () => {
  server = await Server.started();
}, 40_000);
afterAll(() => server.stop());

/** A room that no other test is in. */
function fresh(): string {
  count += 1;
  return `relay ${count}`;
}

test("a message reaches everyone else in the room, with who sent it and how it came", async () => {
  const { ada, bob } = await joinBoth(server.url, fresh());
  const heard = collect(bob);
  expect(await ada.send("hello")).toEqual([]);
  const [message] = await heard.count(1);
  expect(message).toMatchObject({ data: "hello", channel: "", lane: "reliable", path: "relay" });
  expect(message?.peer.name).toBe("Ada");
  expect(message?.peer).toBe(bob.peers.get(ada.id));
});

test("who was there before is there as soon as the room is joined, however many", async () => {
  const room = fresh();
  const before = [];
  for (let n = 0; n < 12; n += 1) before.push(await join(server.url, room));
  const ada = await join(server.url, room);
  expect([...ada.peers.keys()]).toEqual(before.map(({ id }) => id));
  const heard = before.map(collect);
  await ada.send("hello");
  await Promise.all(heard.map((one) => one.count(1)));
});

test("what can be sent arrives as it was: text, bytes, values", async () => {
  const { bob, toBob } = await joinBoth(server.url, fresh());
  const heard = collect(bob);
  const values = [
    "",
    "text ☃ 🎲",
    new Uint8Array([0, 1, 255]),
    { x: 1, y: -1.5, list: [true, null, "a", new Uint8Array([7])], deep: { er: { still: [] } } },
    [],
    null,
    42,
    2 ** 53 - 1,
  ];
  for (const value of values) await toBob.send(value);
  expect((await heard.count(values.length)).map((message) => message.data)).toEqual(values);
});

test("a thousand messages at once, each way, in order", async () => {
  const { bob, ada, toBob, toAda } = await joinBoth(server.url, fresh());
  const there = collect(bob);
  const back = collect(ada);
  const numbers = Array.from({ length: 1000 }, (_, n) => n);
  await Promise.all(numbers.flatMap((n) => [toBob.send({ n }), toAda.send({ n })]));
  for (const heard of [there, back]) {
    expect((await heard.count(1000)).map((message) => (message.data as { n: number }).n)).toEqual(numbers);
  }
});

test("a megabyte on the reliable lane and 16 on the bulk lane arrive whole; more is refused", async () => {
  const { ada, bob } = await joinBoth(server.url, fresh());
  const heard = new Collected<{ data: unknown; lane: string }>();
  bob.on("message", heard.take);
  bob.channel("file", { lane: "bulk" }).on("message", heard.take);
  const reliable = make(2 ** 20, 1);
  const bulk = make(2 ** 24, 2);
  await Promise.all([ada.channel("file", { lane: "bulk" }).send(bulk), ada.send(reliable)]);
  const all = await heard.count(2, "both messages", 60_000);
  const byLane = new Map(all.map(({ data, lane }) => [lane, shown(data as Uint8Array)]));
  expect(byLane.get("reliable")).toEqual(shown(reliable));
  expect(byLane.get("bulk")).toEqual(shown(bulk));
  await expect(ada.send(new Uint8Array(2 ** 20 + 1))).rejects.toMatchObject({ name: "TooLarge" });
  await expect(ada.send(new Uint8Array(2 ** 20 + 1))).rejects.toThrow("use the bulk lane");
}, 90_000);

test("datagrams arrive over the relay too", async () => {
  const { ada, bob } = await joinBoth(server.url, fresh());
  const heard = new Collected<{ data: unknown; lane: string }>();
  bob.channel("pose", { lane: "datagram" }).on("message", heard.take);
  const pose = ada.channel<{ x: number }>("pose", { lane: "datagram" });
  await ada.flush();
  let x = 0;
  while (heard.all.length === 0 && x < 200) {
    await pose.send({ x });
    x += 1;
    await ada.peers.get(bob.id)?.ping({ timeout: 5_000 });
  }
  expect(heard.all[0]).toMatchObject({ lane: "datagram", channel: "pose", data: { x: expect.any(Number) } });
  await expect(pose.send({ x: "y".repeat(20_000) } as never)).rejects.toThrow("too large for a datagram");
});

test("who comes and goes is told, and a new profile", async () => {
  const room = fresh();
  const ada = await join(server.url, room, { profile: { name: "Ada" } });
  const told: unknown[] = [];
  ada.on("peerJoined", (peer) => void told.push(["joined", peer.name]));
  ada.on("peerUpdated", (peer) => void told.push(["updated", peer.name]));
  ada.on("peerLeft", (peer, reason) => void told.push(["left", peer.name, reason]));
  const bob = await join(server.url, room, { profile: { name: "Bob" } });
  const toBob = await ada.waitForPeer({ timeout: 5_000 });
  const updated = new Promise((resolve) => toBob.once("peerUpdated", resolve));
  await bob.setProfile({ name: "Robert" });
  expect(bob.profile).toEqual({ name: "Robert" });
  await inTime(updated);
  const left = new Promise((resolve) => toBob.once("peerLeft", (_, reason) => resolve(reason)));
  await bob.leave();
  expect(await inTime(left)).toBe("left");
  await expect.poll(() => told.length).toBe(3);
  expect(told).toEqual([["joined", "Bob"], ["updated", "Robert"], ["left", "Robert", "left"]]);
  expect(ada.peers.size).toBe(0);
  await expect(toBob.send("too late")).rejects.toMatchObject({ name: "NotInRoom" });
  await expect(bob.send("too late")).rejects.toThrow("not in room");
});

test("waiting for a peer ends with the time, with the signal and with the room", async () => {
  const ada = await join(server.url, fresh());
  await expect(ada.waitForPeer({ timeout: 30 })).rejects.toMatchObject({ name: "TimeoutError" });
  const controller = new AbortController();
  const waiting = ada.waitForPeer({ signal: controller.signal });
  controller.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
  const waiting2 = ada.waitForPeer({ timeout: 10_000 });
  const refused = expect(waiting2).rejects.toMatchObject({ name: "NotInRoom" });
  await ada.leave();
  await refused;
});

test("what was sent before leaving arrives, and is handled, before the peer hears of the leave", async () => {
  const { ada, bob, toBob } = await joinBoth(server.url, fresh());
  const told: unknown[] = [];
  bob.on("message", async ({ data }) => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    told.push(data);
  });
  const gone = new Promise<void>((resolve) => bob.on("peerLeft", () => resolve()));
  for (let n = 0; n < 50; n += 1) await toBob.send(n);
  await ada.leave();
  await inTime(gone);
  await expect.poll(() => told.length, { timeout: 5_000 }).toBe(50);
  expect(told).toEqual(Array.from({ length: 50 }, (_, n) => n));
});

test("who leaves before the first message is answered waits for that answer", async () => {
  const { ada, bob, toBob } = await joinBoth(server.url, fresh());
  const lost = new Collected<unknown>();
  const heard = collect(bob);
  ada.on("undelivered", lost.take);
  await toBob.send("first");
  await new Promise((resolve) => setTimeout(resolve, 0));
  expect(toBob.stats()).toMatchObject({ queued: 0, unacknowledged: expect.any(Number) });
  await ada.leave();
  expect(lost.all).toEqual([]);
  expect((await heard.count(1))[0]?.data).toBe("first");
});

test("flush waits until the peer's handlers are done", async () => {
  const { bob, toBob } = await joinBoth(server.url, fresh());
  let done = 0;
  bob.on("message", async () => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    done += 1;
  });
  for (let n = 0; n < 5; n += 1) await toBob.send(n);
  await toBob.flush({ timeout: 10_000 });
  expect(done).toBe(5);
});

test("flush without a listener there takes until its time is over", async () => {
  const { toBob } = await joinBoth(server.url, fresh());
  await toBob.send("unheard");
  await expect(toBob.flush({ timeout: 300 })).rejects.toMatchObject({ name: "TimeoutError" });
});

test("a ping and the figures tell of the relay, in milliseconds", async () => {
  const { toBob } = await joinBoth(server.url, fresh());
  const { rtt, path } = await toBob.ping({ timeout: 5_000 });
  expect(path).toBe("relay");
  expect(rtt).toBeGreaterThan(0.05);
  expect(rtt).toBeLessThan(5_000);
  const stats = toBob.stats();
  expect(stats.path).toBe("relay");
  expect(stats.paths).toHaveLength(1);
  expect(stats.paths[0]).toMatchObject({ path: "relay", attempt: null, candidates: null, suspect: false });
  expect(stats.paths[0]?.rtt).toBeGreaterThan(0.05);
  expect(stats.paths[0]?.sent).toBeGreaterThan(0);
  expect(stats.attempts).toBe(0);
});

test("`to` names whom a message is for", async () => {
  const room = fresh();
  const { ada, bob, toBob } = await joinBoth(server.url, room);
  const eve = await join(server.url, room);
  const toEve = await ada.waitForPeer({ id: eve.id, timeout: 5_000 });
  await bob.waitForPeer({ id: eve.id, timeout: 5_000 });
  const bobs = collect(bob);
  const eves = collect(eve);
  await ada.send("bob", { to: bob.id });
  await ada.send("eve", { to: [toEve] });
  await ada.send("both", { to: new Set([toBob, eve.id]) });
  await ada.flush({ timeout: 5_000 });
  expect((await bobs.count(2)).map((message) => message.data)).toEqual(["bob", "both"]);
  expect((await eves.count(2)).map((message) => message.data)).toEqual(["eve", "both"]);
  await expect(ada.send("?", { to: "nobody" })).rejects.toThrow("there is no peer nobody");
  await expect(ada.send("?", { to: 7 as never })).rejects.toBeInstanceOf(TypeError);
  await expect(ada.send("?", { whenFull: "drop" as never })).rejects.toThrow("whenFull");
});
