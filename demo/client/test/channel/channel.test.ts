/** Channels: labels, readers and handlers, what waits, what is handled, how they end. */

import { afterAll, beforeAll, expect, test } from "vitest";

import { Collected, collect, joinBoth, type Pair } from "../clients.ts";
import { Server } from "../server.ts";
import { eventually, inTime } from "../waiting.ts";

let server: Server;
let count = 0;

beforeAll(async () => {
  server = await Server.started();
}, 40_000);
afterAll(() => server.stop());

async function pair(): Promise<Pair> {
  count += 1;
  return await joinBoth(server.url, `channel ${count}`);
}

test("channels meet by label and lane, and keep apart what is said on others", async () => {
  const { ada, bob, toBob } = await pair();
  const heard = { a: new Collected<unknown>(), b: new Collected<unknown>(), bulk: new Collected<unknown>() };
  bob.channel("a").on("message", ({ data, channel }) => heard.a.take([data, channel]));
  bob.channel("b").on("message", ({ data, channel }) => heard.b.take([data, channel]));
  bob.channel("a", { lane: "bulk" }).on("message", ({ data, lane }) => heard.bulk.take([data, lane]));
  const rest = collect(bob);
  await ada.channel("a").send(1);
  await toBob.channel("b").send(2);
  await ada.channel("a", { lane: "bulk" }).send(3);
  await ada.send(4);
  await Promise.all([heard.a.count(1), heard.b.count(1), heard.bulk.count(1), rest.count(1)]);
  expect([heard.a.all, heard.b.all, heard.bulk.all]).toEqual([[[1, "a"]], [[2, "b"]], [[3, "bulk"]]]);
  expect(rest.all[0]?.data).toBe(4);
});

test("what arrives before somebody listens waits for them, on a label nobody knew of too", async () => {
  const { ada, bob, toBob } = await pair();
  for (let n = 0; n < 3; n += 1) await ada.channel("early").send(n);
  await toBob.ping({ timeout: 5_000 });
  const heard: unknown[] = [];
  for await (const { data } of bob.channel("early")) {
    heard.push(data);
    if (heard.length === 3) break;
  }
  expect(heard).toEqual([0, 1, 2]);
});

test("a reader gets messages in order, and its loop ends when the peer closes the channel", async () => {
  const { toBob, toAda } = await pair();
  const reading = (async () => {
    const all: unknown[] = [];
    for await (const message of toAda.channel<number>("count")) all.push(message.data);
    return all;
  })();
  const channel = toBob.channel<number>("count");
  for (let n = 0; n < 30; n += 1) await channel.send(n);
  channel.close();
  expect(await inTime(reading)).toEqual(Array.from({ length: 30 }, (_, n) => n));
  await expect(channel.send(30)).rejects.toThrow("closed on this side");
});

test("a room's reader ends when the room is left, a peer's when it goes", async () => {
  const { ada, bob, toAda } = await pair();
  const read = async (from: AsyncIterable<unknown>): Promise<string> => {
    for await (const _ of from) return "a message";
    return "the end";
  };
  const [ofRoom, ofPeer] = [read(bob.channel("x")), read(toAda)];
  await ada.leave();
  expect(await inTime(ofPeer)).toBe("the end");
  await bob.leave();
  expect(await inTime(ofRoom)).toBe("the end");
});

test("a channel has handlers or a reader, not both", async () => {
  const { bob } = await pair();
  const off = bob.on("message", () => undefined);
  await expect(bob[Symbol.asyncIterator]().next()).rejects.toThrow("has handlers");
  off();
  const next = bob[Symbol.asyncIterator]().next();
  await bob.leave();
  expect(await inTime(next)).toEqual({ done: true, value: undefined });
});

test("handlers run one after another, in order, also slow ones; one that throws stops nothing and is told", async () => {
  const { bob, toBob } = await pair();
  const errors = new Collected<unknown>();
  bob.client.on("error", errors.take);
  const log: string[] = [];
  bob.on("message", async ({ data }) => {
    log.push(`begin ${String(data)}`);
    await new Promise((resolve) => setTimeout(resolve, 10 - 3 * Number(data)));
    log.push(`end ${String(data)}`);
    if (data === 1) throw new Error("handler's own");
  });
  for (let n = 0; n < 3; n += 1) await toBob.send(n);
  await toBob.flush({ timeout: 5_000 });
  expect(log).toEqual(["begin 0", "end 0", "begin 1", "end 1", "begin 2", "end 2"]);
  await errors.count(1);
  expect(errors.all).toMatchObject([{ message: "handler's own" }]);
});

test("once is for one message; what on returned takes a handler off; the rest waits for the next one", async () => {
  const { bob, toBob } = await pair();
  const heard: unknown[] = [];
  bob.once("message", ({ data }) => heard.push(["once", data]));
  await toBob.send(1);
  await eventually(() => heard.length === 1);
  await toBob.send(2);
  await toBob.ping({ timeout: 5_000 });
  expect(heard).toEqual([["once", 1]]);
  const off = bob.on("message", ({ data }) => heard.push(["on", data]));
  await eventually(() => heard.length === 2);
  off();
  await toBob.send(3);
  await toBob.ping({ timeout: 5_000 });
  expect(heard).toEqual([["once", 1], ["on", 2]]);
});

test("a sender waits while nobody reads, may give up, and goes on when somebody does", async () => {
  const { toBob, toAda } = await pair();
  const file = toBob.channel<Uint8Array>("file", { lane: "bulk" });
  const chunk = new Uint8Array(16_000);
  let sent = 0;
  const giveUp = new AbortController();
  const sending = (async () => {
    for (; sent < 100; sent += 1) await file.send(chunk);
  })();
  await toBob.ping({ timeout: 5_000 });
  const stuck = sent; // 64 KiB of credit until somebody listens
  expect(stuck).toBeGreaterThan(1);
  expect(stuck).toBeLessThan(6);
  const abandoned = file.send(new Uint8Array([1]), { signal: giveUp.signal });
  giveUp.abort(new Error("given up"));
  await expect(abandoned).rejects.toThrow("given up");
  await toBob.send("the other lane goes on");
  expect(sent).toBe(stuck);
  let read = 0;
  for await (const { data } of toAda.channel<Uint8Array>("file", { lane: "bulk" })) {
    expect(data.length).toBe(16_000);
    read += 1;
    if (read === 100) break;
  }
  await inTime(sending);
});

test("who waits for room first sends first, though what came later would have room", async () => {
  const { toBob, toAda } = await pair();
  const channel = toBob.channel("queue");
  for (let n = 0; n < 4; n += 1) await channel.send(new Uint8Array(15_000)); // of 64 KiB of credit 5 KiB are left
  await toBob.ping({ timeout: 5_000 });
  const sent = [channel.send("large ".repeat(1_500)), channel.send("small")];
  const heard = new Collected<unknown>();
  toAda.channel("queue").on("message", ({ data }) => heard.take(data));
  await inTime(Promise.all(sent));
  expect((await heard.count(6)).slice(4)).toEqual(["large ".repeat(1_500), "small"]);
});

test("who waits for room is told when the channel is closed, when the room is left and when the peer goes", async () => {
  const { ada, bob, toBob, toAda } = await pair();
  const fill = async (label: string): Promise<{ waiting: Promise<void> }> => {
    const channel = toBob.channel(label);
    for (let n = 0; n < 4; n += 1) await channel.send(new Uint8Array(16_000));
    const waiting = channel.send(new Uint8Array(16_000));
    waiting.catch(() => undefined);
    return { waiting }; // not the promise itself, which would be waited for
  };
  const closed = await fill("closed");
  toBob.channel("closed").close();
  await expect(inTime(closed.waiting)).rejects.toThrow("was closed on this side");
  const left = await fill("left");
  const gone = toAda.channel("x");
  await ada.leave();
  await expect(inTime(left.waiting)).rejects.toMatchObject({ name: "NotInRoom" });
  await eventually(() => bob.peers.size === 0);
  await expect(gone.send("x")).rejects.toMatchObject({ name: "NotInRoom" });
  await expect(toAda.flush()).rejects.toMatchObject({ name: "NotInRoom" });
  await expect(toAda.ping()).rejects.toMatchObject({ name: "NotInRoom" });
}, 30_000);

test("a room's message is skipped for a link without room, or waited for; the others get it", async () => {
  const { ada, toBob, toAda } = await pair();
  const label = "full";
  const channel = ada.channel(label);
  let skipped: unknown[] = [];
  for (let n = 0; n < 20 && skipped.length === 0; n += 1) {
    skipped = await channel.send(new Uint8Array(16_000), { whenFull: "skip" });
    await toBob.ping({ timeout: 5_000 });
  }
  expect(skipped).toEqual([toBob]);
  const waited = channel.send("waited for");
  const heard = new Collected<unknown>();
  toAda.channel(label).on("message", ({ data }) => heard.take(data));
  expect(await inTime(waited)).toEqual([]);
  await eventually(() => heard.all.at(-1) === "waited for");
});

test("a link that stays full for 5 s is reported for its peer", async () => {
  const { ada, toBob } = await pair();
  const reports = new Collected<{ messages: readonly { data: unknown; channel: string }[]; reason: string }>();
  ada.on("undelivered", reports.take);
  const channel = ada.channel("full");
  let full = false;
  for (let n = 0; n < 20 && !full; n += 1) {
    full = (await channel.send(new Uint8Array(16_000), { whenFull: "skip" })).length > 0;
    await toBob.ping({ timeout: 5_000 });
  }
  const tooMuch = "too much ".repeat(1_000);
  expect((await channel.send(tooMuch)).map(({ id }) => id)).toEqual([toBob.id]);
  await reports.count(1);
  expect(reports.all[0]?.messages).toMatchObject([{ data: tooMuch, channel: "full" }]);
  expect(reports.all[0]?.reason).toContain("stayed full for 5 s");
}, 30_000);

test("latest: of the datagrams that wait only the newest is read", async () => {
  const { toBob, toAda } = await pair();
  const pose = toBob.channel<number>("pose", { lane: "datagram" });
  const read = toAda.channel<number>("pose", { lane: "datagram", latest: true });
  await pose.send(-1); // opens it
  await toBob.ping({ timeout: 5_000 });
  for (let n = 0; n < 10; n += 1) await pose.send(n);
  await toBob.ping({ timeout: 5_000 });
  const next = await inTime(read[Symbol.asyncIterator]().next());
  expect(next.value).toMatchObject({ data: 9, lane: "datagram" });
});

test("what cannot be sent, and channels that cannot be, are refused with what is wrong", async () => {
  const { ada, toBob } = await pair();
  await expect(toBob.send({ when: new Date() })).rejects.toThrow(/data.*"?when/);
  await expect(toBob.send(() => undefined)).rejects.toBeInstanceOf(TypeError);
  await expect(toBob.send(undefined)).rejects.toBeInstanceOf(TypeError);
  expect(() => ada.channel("x", { lane: "fast" as never })).toThrow("a lane is one of reliable, bulk, datagram");
  expect(() => ada.channel("x", { latest: true })).toThrow("datagram lane");
  expect(() => ada.channel("é".repeat(129))).toThrow("256 bytes");
  expect(() => ada.channel(7 as never)).toThrow("string");
  expect(() => ada.on("mesage" as never, () => undefined)).toThrow("there is no event");
});

test("64 channels are open to a peer at most; closing one makes room", async () => {
  const { toBob, bob } = await pair();
  for (let n = 0; n < 63; n += 1) await toBob.channel(`c${n}`).send(n);
  await expect(toBob.channel("one more").send(0)).rejects.toThrow("close one first");
  toBob.channel("c0").close();
  bob.channel("c0").on("message", () => undefined);
  await toBob.ping({ timeout: 5_000 });
  const heard = new Collected<unknown>();
  bob.channel("one more").on("message", heard.take);
  for (let tries = 0; heard.all.length === 0 && tries < 200; tries += 1) {
    await toBob.channel("one more").send(tries).catch(() => undefined);
    await toBob.ping({ timeout: 5_000 });
  }
  expect(heard.all).toHaveLength(1);
});
