/** The bundle for pages, run in Node: its names are shortened, and all that others see must not be. */

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import { shownNames } from "../../mangling.ts";
import * as source from "../../src/index.ts";
import { Collected } from "../clients.ts";
import { makeConnection, RETRIES } from "../paths/direct-pair.ts";
import { make, PythonPeer, shown } from "../python-peer.ts";
import { Server } from "../server.ts";
import { eventually, inTime } from "../waiting.ts";
import { build } from "./build.ts";

/** Milliseconds until there is a direct path: an attempt that comes to nothing is given up after 15 s, and there is a next. */
const DIRECT = 30_000;

let server: Server;
let file: string;
let bundle: typeof source;
let python: PythonPeer | null = null;
let rooms = 0;
const clients: source.Client[] = [];

beforeAll(async () => {
  // What pages have, and Node 20 hasn't.
  (globalThis as { WebSocket?: unknown }).WebSocket ??= createRequire(import.meta.url)("ws");
  const [started, built] = await Promise.all([Server.started("--grace", "1"), build("vite", "build")]);
  server = started;
  file = join(built, "dist/bundle/eitherway.js");
  bundle = (await import(file)) as typeof source;
}, 120_000);
afterAll(() => server.stop());
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await python?.end("SIGKILL");
  python = null;
});

async function enter(library: typeof source, name: string, options: source.ClientOptions & source.JoinOptions): Promise<source.Room> {
  const { profile = { name: "Ada" }, p2p = "never", ...rest } = options;
  const client = new library.Client(server.url, rest);
  clients.push(client);
  return await inTime(client.join(name, { profile, p2p }), "joining");
}

function fresh(): string {
  rooms += 1;
  return `bundle ${rooms}`;
}

test("it is the same from wherever it is built", async () => {
  const again = await build("vite", "build");
  expect(await readFile(join(again, "dist/bundle/eitherway.js"))).toEqual(await readFile(file));
}, 60_000);

test("it exports what the library does, with the same members", () => {
  expect(Object.keys(bundle)).toEqual(Object.keys(source).sort());
  for (const [name, value] of Object.entries(source)) {
    const prototype = (of: unknown): object | undefined => (of as { readonly prototype?: object }).prototype;
    const members = (of: object): string[] => Object.getOwnPropertyNames(of).filter((one) => !one.startsWith("_"));
    for (let [theirs, ours] = [prototype(value), prototype(bundle[name as keyof typeof source])]; theirs !== undefined; ) {
      expect(members(ours as object), name).toEqual(expect.arrayContaining(members(theirs)));
      [theirs, ours] = [Object.getPrototypeOf(theirs) as object, Object.getPrototypeOf(ours) as object];
      if (theirs === Object.prototype || theirs === Error.prototype) break;
    }
  }
});

test("names that others see are found by the types that have them", () => {
  const names = shownNames(join(import.meta.dirname, "../../src"));
  const seen = ["whenFull", "rttLeast", "localType", "nextIncarnation", "openChannel", "waitForPeer", "retryAfter"];
  const onWires = ["reconnect_after", "ice_servers", "retry_after", "pingInterval", "_placeholder", "seen", "sdp", "held"];
  for (const name of [...seen, ...onWires]) expect(names).toContain(name);
  for (const name of ["_presence", "_link", "peerSettings", "unackedMost"]) expect(names).not.toContain(name);
});

test("methods that nobody asks for are left out", async () => {
  expect(await readFile(file, "utf8")).not.toMatch(/_cloneInto|isTorsionFree/);
});

test("what Node has beside browsers keeps its name", async () => {
  expect(await readFile(file, "utf8")).toMatch(/\{setImmediate:\w+\}=globalThis/);
});

describe.each(["websocket", "polling"] as const)("by %s", (transport) => {
  test("it talks to a Python peer and to the library's sources, in every lane and event", async () => {
    const name = fresh();
    const room = await enter(bundle, name, { transports: [transport] });
    const events: unknown[] = [];
    for (const event of ["peerJoined", "peerUpdated", "peerLeft"] as const) {
      room.on(event, (...[peer]: readonly [source.Peer, ...unknown[]]) => void events.push([event, peer.name]));
    }
    python = await PythonPeer.joined(server.url, name, "--echo", "--channel", "file:bulk", "--channel", "pose:datagram");
    const peer = await room.waitForPeer({ timeout: 20_000 });
    expect(await python.next("peer")).toMatchObject({ name: "Ada" });
    const bulk = new Collected<source.Message>();
    const poses = new Collected<source.Message>();
    const heard = new Collected<source.Message>();
    room.channel("file", { lane: "bulk" }).on("message", bulk.take);
    room.channel("pose", { lane: "datagram", latest: true }).on("message", poses.take);
    room.on("message", heard.take);
    await room.send({ n: [1, 2.5, null, "x"] }, { to: peer });
    await room.channel("file", { lane: "bulk" }).send(make(300_000, 7));
    for (let n = 1; poses.all.length === 0 && n < 200; n += 1) {
      await room.channel("pose", { lane: "datagram", latest: true }).send({ n });
      await peer.ping({ timeout: 10_000 });
    }
    const [echo] = await heard.count(1);
    expect(echo).toMatchObject({ peer, data: { n: [1, 2.5, null, "x"] }, lane: "reliable", path: "relay", channel: "" });
    expect(shown((await bulk.count(1))[0]?.data as Uint8Array)).toEqual(shown(make(300_000, 7)));
    await peer.flush({ timeout: 20_000 });
    const other = await enter(source, name, { profile: { name: "Bob" }, transports: [transport] });
    const toAda = await other.waitForPeer({ id: room.id, timeout: 20_000 });
    await toAda.send("from the sources");
    expect((await heard.count(2))[1]).toMatchObject({ data: "from the sources" });
    await room.setProfile({ name: "Countess" });
    await eventually(() => toAda.name === "Countess", "the profile there");
    await other.setProfile({ name: "Robert" });
    await other.leave();
    await eventually(() => events.some((one) => String(one) === "peerLeft,Robert"), "the end there");
    expect(events).toEqual([["peerJoined", "Python"], ["peerJoined", "Bob"], ["peerUpdated", "Robert"], ["peerLeft", "Robert"]]);
    expect(Object.keys(peer.stats()).sort()).toEqual(Object.keys(toAda.stats()).sort());
    expect(Object.keys(peer.stats().paths[0] ?? {}).sort()).toEqual(Object.keys(toAda.stats().paths[0] ?? {}).sort());
    await expect(room.send("to nobody", { to: "x" })).rejects.toMatchObject({ name: "NotInRoom" });
    await expect(room.client.join(name)).rejects.toThrow("has joined");
  }, 60_000);

  test("what it posts the library's sources get, and the other way round", async () => {
    const name = fresh();
    const room = await enter(bundle, name, { transports: [transport] });
    const other = await enter(source, name, { transports: [transport] });
    for (const [ours, theirs] of [[room, other], [other, room]] as const) {
      const watch = await ours.watch("orders.*", { event: "paid" }).start();
      await theirs.post("other", 1, { event: "paid" });
      await theirs.post("orders.1", 2, { event: "sent" });
      const id = await theirs.post("orders.1", { n: [3] }, { event: "paid", key: `of ${theirs.id}` });
      const { value } = await inTime(watch[Symbol.asyncIterator]().next(), "the post");
      expect(value).toMatchObject({ id, room: name, topic: "orders.1", event: "paid", data: { n: [3] }, sender: { id: theirs.id } });
      const again = ours.watch("orders.*", { since: 0 });
      expect((await inTime(again[Symbol.asyncIterator]().next(), "the first post")).value).toMatchObject({ data: 2 });
    }
  }, 60_000);
});

describe.skipIf(makeConnection === undefined).each([0, 1])("direct paths, with the id that comes as number %i", (turn) => {
  /** Who makes the offer is decided by the ids: the other one asks for it by a signal. */
  function options(): [ours: source.ClientOptions & source.JoinOptions, theirs: source.ClientOptions & source.JoinOptions] {
    const seeds = [source.Identity.generate(), source.Identity.generate()].sort((one, other) => (one.id < other.id ? -1 : 1)).map(({ seed }) => seed);
    const more = { RTCPeerConnection: makeConnection as NonNullable<source.ClientOptions["RTCPeerConnection"]>, p2p: "auto" as const };
    const [first, second] = turn === 0 ? seeds : seeds.reverse();
    return [{ ...more, identity: new bundle.Identity(first as Uint8Array) }, { ...more, identity: new source.Identity(second as Uint8Array) }];
  }

  test("to the library's sources", { retry: RETRIES, timeout: 120_000 }, async () => {
    const [ours, theirs] = options();
    const name = fresh();
    const room = await enter(bundle, name, ours);
    const other = await enter(source, name, theirs);
    const peer = await room.waitForPeer({ timeout: 20_000 });
    const heard = new Collected<source.Message>();
    other.on("message", heard.take);
    await eventually(() => peer.path === "direct", "the direct path", DIRECT);
    await room.send("direct");
    expect(await heard.count(1)).toMatchObject([{ data: "direct" }]);
    await eventually(() => peer.stats().paths.some(({ candidates }) => candidates !== null), "the candidates");
    const stats = peer.stats().paths.find(({ path }) => path === "direct");
    expect(stats).toMatchObject({ suspect: false, candidates: { localType: expect.any(String), remoteAddress: expect.any(String) } });
  });

  test("to a Python peer", { retry: RETRIES, timeout: 120_000 }, async () => {
    const name = fresh();
    const room = await enter(bundle, name, options()[0]);
    python = await PythonPeer.joined(server.url, name, "--p2p", "auto", "--echo");
    const peer = await room.waitForPeer({ timeout: 20_000 });
    const heard = new Collected<source.Message>();
    room.on("message", heard.take);
    await eventually(() => peer.path === "direct", "the direct path", DIRECT);
    await room.send("direct");
    expect(await heard.count(1)).toMatchObject([{ data: "direct", path: "direct" }]);
  });
});
