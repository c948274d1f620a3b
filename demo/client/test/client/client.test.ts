/** Clients: options, what is refused, identities, the end. */

import { afterAll, beforeAll, expect, test } from "vitest";

import { Client, Identity } from "../../src/index.ts";
import { Collected, join, makeClient } from "../clients.ts";
import { Server } from "../server.ts";
import { eventually, inTime } from "../waiting.ts";

let server: Server;

beforeAll(async () => {
  server = await Server.started("--grace", "1");
}, 40_000);
afterAll(() => server.stop());

test("bad options are refused with what to do", async () => {
  expect(() => new Client()).toThrow("name the server");
  expect(() => new Client("ftp://example.org")).toThrow("http://127.0.0.1:8080");
  expect(() => new Client(server.url, { transports: ["pigeon" as never] })).toThrow("pigeon");
  const client = makeClient(server.url);
  await expect(client.join("")).rejects.toThrow("1 to 128 bytes");
  await expect(client.join("x", { p2p: "maybe" as never })).rejects.toThrow("p2p");
  await expect(client.join("x", { profile: { when: new Date() } })).rejects.toBeInstanceOf(TypeError);
  await expect(client.join("x", { profile: { text: "x".repeat(5_000) } })).rejects.toThrow("4096");
  expect(client.rooms.size).toBe(0);
  await client.join("x");
  await expect(client.join("x")).rejects.toThrow("has joined");
});

test("a page's own origin is the server, if none is named", () => {
  const before = Object.getOwnPropertyDescriptor(globalThis, "location");
  Object.defineProperty(globalThis, "location", { value: new URL("http://10.0.0.7:8080/page"), configurable: true });
  try {
    expect(new Client().url).toBe("http://10.0.0.7:8080");
  } finally {
    if (before === undefined) delete (globalThis as { location?: unknown }).location;
    else Object.defineProperty(globalThis, "location", before);
  }
});

test("a server that is not there is told, and leaves no room behind", async () => {
  const client = makeClient("http://127.0.0.1:9", { timeout: 2_000 });
  await expect(client.join("x")).rejects.toMatchObject({ name: "ConnectionFailed" });
  expect(client.rooms.size).toBe(0);
  expect(client.connected).toBe(false);
});

test("long-polling alone carries everything", async () => {
  const ada = await join(server.url, "polling", { transports: ["polling"] });
  const bob = await join(server.url, "polling");
  expect(ada.client.transport).toBe("polling");
  const heard = new Collected<unknown>();
  bob.on("message", ({ data }) => heard.take(data));
  const toBob = await ada.waitForPeer({ timeout: 5_000 });
  const numbers = Array.from({ length: 300 }, (_, n) => n);
  for (const n of numbers) await toBob.send(n);
  expect(await heard.count(300)).toEqual(numbers);
});

test("the same identity is the same peer; the later one takes the place, and the earlier one is told", async () => {
  const identity = Identity.generate();
  const first = await join(server.url, "twice", { identity });
  const watcher = await join(server.url, "twice");
  const told: unknown[] = [];
  watcher.on("peerLeft", (peer, reason) => void told.push([peer.id, reason]));
  const replaced = new Promise((resolve) => first.client.on("replaced", resolve));
  const closed = new Promise((resolve) => first.on("closed", resolve));
  const again = await join(server.url, "twice", { identity: new Identity(identity.seed) });
  expect(again.id).toBe(first.id);
  expect(await inTime(replaced)).toBe(first);
  expect(await inTime(closed)).toContain("replaced by another program");
  await expect(first.send("x")).rejects.toMatchObject({ name: "NotInRoom" });
  expect(first.client.rooms.size).toBe(0);
  await eventually(() => told.length === 1);
  expect(told).toEqual([[first.id, "restarted"]]);
  expect(watcher.peers.get(first.id)).toBeDefined();
});

test("one client in two rooms is two links; closing leaves both, and says so to the others", async () => {
  const client = makeClient(server.url);
  const rooms = await Promise.all(["left 1", "left 2"].map((name) => client.join(name, { p2p: "never" })));
  expect([...client.rooms.values()]).toEqual(rooms);
  const watchers = await Promise.all(["left 1", "left 2"].map((name) => join(server.url, name)));
  const left = watchers.map((room) => new Promise((resolve) => room.on("peerLeft", (_, reason) => resolve(reason))));
  const closed = rooms.map((room) => new Promise((resolve) => room.on("closed", resolve)));
  await client.close();
  expect(await inTime(Promise.all(left))).toEqual(["left", "left"]);
  expect(await inTime(Promise.all(closed))).toEqual(["left", "left"]);
  expect(client.connected).toBe(false);
  await expect(client.join("left 1")).rejects.toThrow("closed");
});

test("two who leave at the same moment do not wait for each other; what did not arrive is told", async () => {
  for (let round = 0; round < 20; round += 1) {
    const name = `leaving ${round}`;
    const [ada, bob] = [await join(server.url, name), await join(server.url, name)];
    const lost = new Collected<unknown>();
    const heard = new Collected<unknown>();
    ada.on("undelivered", ({ messages }) => messages.forEach(({ data }) => lost.take(data)));
    bob.on("message", ({ data }) => heard.take(data));
    const toBob = await ada.waitForPeer({ timeout: 5_000 });
    for (let n = 0; n < 8; n += 1) await toBob.send(n);
    await heard.count(1); // bound over there, and perhaps not yet here
    const began = Date.now();
    await Promise.all([ada.leave(), bob.leave()]);
    expect(Date.now() - began).toBeLessThan(3_000);
    await eventually(() => new Set([...heard.all, ...lost.all]).size === 8, "the fate of each");
    expect(heard.all).toEqual(heard.all.map((_, n) => n));
  }
}, 60_000);

test("a handler may leave the room, and a room and a client can be given back by `await using`", async () => {
  const client = makeClient(server.url);
  const ada = await client.join("leaver", { p2p: "never" });
  const bob = await join(server.url, "leaver");
  ada.on("message", () => ada.leave());
  const closed = new Promise((resolve) => ada.on("closed", resolve));
  await bob.waitForPeer({ timeout: 5_000 });
  await bob.send("go");
  expect(await inTime(closed)).toBe("left");
  await ada[Symbol.asyncDispose]();
  await client[Symbol.asyncDispose]();
  expect(client.connected).toBe(false);
});

test("an error that nobody listens for is printed", async () => {
  const { error } = console;
  const printed: unknown[] = [];
  console.error = (...what: unknown[]) => void printed.push(what);
  try {
    const ada = await join(server.url, "errors");
    ada.on("peerJoined", () => {
      throw new Error("unheard");
    });
    ada.on("message", () => {
      throw new Error("unheard too");
    });
    const bob = await join(server.url, "errors");
    await bob.waitForPeer({ timeout: 5_000 });
    await bob.send("x");
    await eventually(() => printed.length > 1);
    expect(printed.map(String)).toEqual(["eitherway:,Error: unheard", "eitherway:,Error: unheard too"]);
  } finally {
    console.error = error;
  }
});
