/** The server is killed and started again while peers talk: nothing is lost, doubled or swapped. */

import { afterEach, expect, test } from "vitest";

import { collect, join, joinBoth, makeClient } from "../clients.ts";
import { PythonPeer } from "../python-peer.ts";
import { Server } from "../server.ts";
import { eventually } from "../waiting.ts";
import { Numbers } from "./numbers.ts";

let server: Server | null = null;

afterEach(() => server?.stop());

test("two clients talk on while the server restarts twice", async () => {
  server = await Server.started();
  const pair = await joinBoth(server.url, "restart");
  const { ada, bob, toBob } = pair;
  const numbers = new Numbers(pair, 3);
  for (const signal of ["SIGKILL", "SIGTERM"] as const) {
    await numbers.more(50);
    await server.stop(signal);
    await eventually(() => !ada.client.connected && !bob.client.connected, "the loss of the connection");
    await server.start();
    await eventually(() => ada.client.connected && bob.client.connected, "the way back");
    await numbers.more(50);
  }
  await numbers.end();
  expect([...ada.peers.keys()]).toEqual([bob.id]);
  expect(toBob.stats().sentTwice).toBeGreaterThan(0); // else nothing was on its way when the server went
}, 90_000);

test("a client and a Python peer find each other again, and what was said meanwhile arrives once", async () => {
  server = await Server.started();
  const room = await join(server.url, "restart");
  const python = await PythonPeer.joined(server.url, "restart");
  try {
    const peer = await room.waitForPeer({ timeout: 10_000 });
    const heard = collect(room);
    await peer.send("before");
    await peer.flush({ timeout: 10_000 });
    await server.stop("SIGKILL");
    await eventually(() => !room.client.connected, "the loss of the connection");
    expect(peer.stats().path).toBe(null);
    for (let n = 0; n < 100; n += 1) {
      await peer.send(n);
      python.do("send", "", "reliable", n);
    }
    await server.start();
    const numbers = Array.from({ length: 100 }, (_, n) => n);
    expect((await heard.count(100)).map(({ data }) => data)).toEqual(numbers);
    expect(await python.next("message")).toMatchObject({ data: "before" });
    for (const n of numbers) expect(await python.next("message")).toMatchObject({ data: n });
  } finally {
    await python.end("SIGKILL");
  }
}, 90_000);

test("events tell of the connection, and joining while it is gone fails with what is wrong", async () => {
  server = await Server.started();
  const client = makeClient(server.url, { timeout: 2_000 });
  const told: string[] = [];
  client.on("connected", () => void told.push("connected"));
  client.on("disconnected", () => void told.push("disconnected"));
  await client.join("restart", { p2p: "never" });
  expect(client.transport).toBe("websocket");
  await server.stop("SIGKILL");
  await eventually(() => told.length === 2, "the loss");
  await expect(client.join("another")).rejects.toMatchObject({ name: "ConnectionFailed" });
  expect([...client.rooms.keys()]).toEqual(["restart"]);
  await server.start();
  await eventually(() => told.length === 3, "the way back");
  expect(told).toEqual(["connected", "disconnected", "connected"]);
}, 60_000);
