/** Posting and watching with a real server, over connections that break. */

import { afterAll, beforeAll, expect, test } from "vitest";

import type { Post, Room, Watch } from "../../src/index.ts";
import { MAX_TRIES } from "../../src/feed.ts";
import { MAX_WAITING } from "../../src/feed-watch.ts";
import { join, joinBoth, makeClient } from "../clients.ts";
import { Front } from "../front.ts";
import { Server } from "../server.ts";
import { eventually, inTime } from "../waiting.ts";

let server: Server;

beforeAll(async () => {
  server = await Server.started("--history-posts", "2000");
}, 40_000);
afterAll(() => server.stop());

async function take(posts: AsyncGenerator<Post, void, undefined>, count: number): Promise<Post[]> {
  const taken: Post[] = [];
  while (taken.length < count) {
    const { value } = await inTime(posts.next(), `post ${taken.length + 1} of ${count}`);
    if (value === undefined) throw new Error(`it ended after ${taken.length}`);
    taken.push(value);
  }
  return taken;
}

const read = (watch: Watch): AsyncGenerator<Post, void, undefined> => watch[Symbol.asyncIterator]();
const dataOf = (posts: Post[]): unknown[] => posts.map(({ data }) => data);

test.each(["websocket", "polling"] as const)("who is no member posts and watches over %s", async (transport) => {
  const room = `shop ${transport}`;
  const one = makeClient(server.url, { transports: [transport] });
  const other = makeClient(server.url, { transports: [transport] });
  const watch = await other.feed(room).watch("orders.*").start();
  const shop = one.feed(room);
  const ids = [await shop.post("orders.1", { n: [1, null, "é"] }), await shop.post("orders.2", 2, { event: "paid" })];
  await shop.post("other", 3);
  await shop.post("orders.3", "last");
  const got = await take(read(watch), 3);
  expect(got.map(({ id }) => id).slice(0, 2)).toEqual(ids);
  expect(got[0]).toMatchObject({ room, topic: "orders.1", event: "", data: { n: [1, null, "é"] }, sender: "", missed: false });
  expect(got[1]).toMatchObject({ event: "paid", data: 2 });
  expect(Math.abs((got[0]?.at ?? 0) - Date.now())).toBeLessThan(60_000);
  expect(one.rooms.size).toBe(0);
  watch.close();
  for await (const post of watch) throw new Error(`it has ended: ${String(post.id)}`);
});

test("members see whom a post is from", async () => {
  const { ada, bob, toBob } = await joinBoth(server.url, "members");
  const posts = read(await ada.watch(["orders.*", "returns"], { event: ["shipped", "lost"] }).start());
  await bob.post("orders.1", 1, { event: "paid" });
  await bob.post("orders.1", 2, { event: "shipped" });
  await ada.post("returns", 3, { event: "lost" });
  const [theirs, own] = await take(posts, 2);
  expect(theirs).toMatchObject({ data: 2, sender: toBob });
  expect(own).toMatchObject({ data: 3, sender: ada.id });
  await bob.leave();
  await expect(bob.post("t", 1)).rejects.toMatchObject({ name: "NotInRoom" });
  expect(() => bob.watch("t")).toThrow("not in room");
  const waiting = posts.next();
  await ada.leave();
  expect((await inTime(waiting)).done).toBe(true);
});

test("since begins with what is kept", async () => {
  const shop = makeClient(server.url).feed("since");
  const ids: number[] = [];
  for (let n = 0; n < 5; n += 1) ids.push(await shop.post("t", n));
  expect(dataOf(await take(read(shop.watch("t", { since: 0 })), 5))).toEqual([0, 1, 2, 3, 4]);
  const watch = shop.watch("**", { since: ids[2] as number });
  expect(watch.last).toBe(ids[2]);
  expect(dataOf(await take(read(watch), 1))).toEqual([3]);
  expect(watch.last).toBe(ids[3]);
  const [first] = await take(read(shop.watch("t", { since: 1 })), 1);
  expect(first).toMatchObject({ data: 0, missed: true });
});

test("what is no post, and what is no watch", async () => {
  const client = makeClient(server.url);
  const shop = client.feed("errors");
  const rows = [undefined, () => 1, Number.NaN, [Infinity], { x: new Uint8Array(1) }, { y: new ArrayBuffer(1) }, 1n];
  for (const data of rows) await expect(shop.post("t", data)).rejects.toBeInstanceOf(TypeError);
  await expect(shop.post("a.*", 1)).rejects.toMatchObject({ name: "Refused", code: "bad-request" });
  await expect(read(shop.watch("**.a")).next()).rejects.toMatchObject({ name: "Refused", code: "bad-request" });
  expect(() => client.feed("")).toThrow("1 to 128 bytes");
  const id = await shop.post("t", 1, { key: "k" });
  expect(await shop.post("t", 1, { key: "k" })).toBe(id);
  await expect(shop.post("t", 2, { key: "k" })).rejects.toThrow("of another post");
});

test("a loop that is left ends its watch", async () => {
  const shop = makeClient(server.url).feed("left");
  await shop.post("t", 1);
  for await (const { data } of shop.watch("t", { since: 0 })) {
    expect(data).toBe(1);
    break;
  }
  const [told] = await take(read(shop.watch("$watchers")), 1);
  expect(told?.data).toMatchObject({ count: 1 });
});

test("a closed client ends what it watches, one that is given up with an error", async () => {
  const client = makeClient(server.url);
  const waiting = read(client.feed("closed").watch("t")).next();
  await eventually(() => client.connected);
  await client.close();
  expect((await inTime(waiting.catch(() => ({ done: true })))).done).toBe(true);
  await expect(client.feed("closed").post("t", 1)).rejects.toThrow("is closed");
  const front = await Front.started(server.port, "pass");
  const once = makeClient(front.url, { reconnect: false });
  once.on("error", () => undefined);
  const posts = read(await once.feed("closed").watch("t").start());
  const given = posts.next();
  front.cut();
  await expect(given).rejects.toMatchObject({ name: "ConnectionFailed" });
  await front.close();
});

test("watching and posting go on with the next connection", async () => {
  const front = await Front.started(server.port, "pass");
  const ada = await join(front.url, "on and on");
  const posts = read(await ada.watch("t").start());
  const shop = makeClient(server.url).feed("on and on");
  for (let n = 0; n < 4; n += 1) {
    await shop.post("t", n);
    if (n % 2 === 1) {
      front.cut();
      await eventually(() => !ada.client.connected);
    }
    await shop.post("t", `${n} after`);
  }
  const got = await take(posts, 8);
  expect(dataOf(got)).toEqual([0, "0 after", 1, "1 after", 2, "2 after", 3, "3 after"]);
  expect(got.some(({ missed }) => missed)).toBe(false);
  front.cut();
  await eventually(() => !ada.client.connected);
  await inTime(ada.post("t", "from ada"));
  const [last] = await take(posts, 1);
  expect(last).toMatchObject({ data: "from ada", sender: ada.id });
  await ada.client.close();
  await front.close();
});

test("who is no member again yet, since its place is taken, posts when it is one", async () => {
  const own = await Server.started("--grace", "0.2", "--max-peers", "1");
  const front = await Front.started(own.port, "pass");
  const ada = await join(front.url, "shop");
  const shop = makeClient(own.url).feed("shop");
  const posts = read(await shop.watch("t").start());
  front.manner = "hang-up";
  front.cut();
  let place: Room | undefined;
  while (place === undefined) place = await join(own.url, "shop").catch(() => undefined); // full for the grace time
  front.manner = "pass";
  await eventually(() => ada.client.connected, "the way back");
  const posting = ada.post("t", "from ada");
  await shop.post("t", "from somebody");
  expect(dataOf(await take(posts, 1))).toEqual(["from somebody"]);
  await place.leave();
  expect(await take(posts, 1)).toMatchObject([{ data: "from ada", sender: ada.id, id: await inTime(posting) }]);
  await ada.client.close();
  await front.close();
  await own.stop("SIGKILL");
}, 60_000);

test("a server that was restarted has forgotten, and that is told", async () => {
  const own = await Server.started();
  const shop = makeClient(own.url).feed("shop");
  const posts = read(await shop.watch("t").start());
  const first = await shop.post("t", 1);
  expect(dataOf(await take(posts, 1))).toEqual([1]);
  await own.stop("SIGKILL");
  await own.start();
  const second = await inTime(shop.post("t", 2));
  expect((await take(posts, 1))[0]).toMatchObject({ data: 2, missed: true, id: second });
  expect(second).toBeGreaterThan(first);
  await own.stop("SIGKILL");
}, 60_000);

test.each(["websocket", "polling"] as const)("a post whose reply is lost over %s is posted once", async (transport) => {
  const room = `once over ${transport}`;
  const front = await Front.started(server.port, "pass");
  const ada = await join(front.url, room, { transports: [transport] });
  const posts = read(await makeClient(server.url).feed(room).watch("t").start());
  front.mute = true;
  let posted = false;
  const posting = ada.post("t", "once").finally(() => (posted = true));
  const [first] = await take(posts, 1);
  expect(posted).toBe(false);
  front.cut();
  front.mute = false;
  expect(await inTime(posting, "the reply")).toBe(first?.id);
  await ada.post("t", "next");
  const [second] = await take(posts, 1);
  expect([first, second]).toMatchObject([{ data: "once" }, { data: "next", id: (first?.id ?? 0) + 1 }]);
  await ada.client.close();
  await front.close();
});

test("a post that no connection survives is given up", async () => {
  const shop = makeClient(server.url, { transports: ["websocket"] }).feed("large");
  await expect(inTime(shop.post("t", "x".repeat(3_000_000)))).rejects.toThrow(`sent ${MAX_TRIES} times: is it larger`);
  await shop.post("t", "small");
}, 40_000);

test("a slow reader slows nobody and gets everything", async () => {
  const client = makeClient(server.url);
  const slow = await client.feed("slow").watch("t").start();
  const quick = await client.feed("slow").watch("u").start();
  const shop = makeClient(server.url).feed("slow");
  const count = 3 * MAX_WAITING;
  for (let n = 0; n < count; n += 1) await shop.post("t", n);
  await shop.post("u", "quick");
  expect(dataOf(await take(read(quick), 1))).toEqual(["quick"]);
  await shop.post("t", "last");
  const got = await take(read(slow), count + 1);
  expect(dataOf(got)).toEqual([...Array.from({ length: count }, (_, n) => n), "last"]);
  expect(got.some(({ missed }) => missed)).toBe(false);
}, 60_000);
