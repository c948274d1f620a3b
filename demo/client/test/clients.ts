/** Clients for tests: all are closed after the test that made them, whatever came of it. */

import { afterEach } from "vitest";

import { Client, type ClientOptions, type JoinOptions, type Message, type Peer, type Room } from "../src/index.ts";
import { eventually, inTime } from "./waiting.ts";

const open = new Set<Client>();

afterEach(async () => {
  const clients = [...open];
  open.clear();
  await Promise.all(clients.map((client) => client.close()));
});

/** A client that is closed after the test. */
export function makeClient(url: string, options: ClientOptions = {}): Client {
  const client = new Client(url, options);
  open.add(client);
  return client;
}

/** Join with a client of its own, over the relay unless told otherwise. */
export async function join(url: string, room: string, options: JoinOptions & ClientOptions = {}): Promise<Room> {
  const { profile = {}, p2p = "never", ...rest } = options;
  return await inTime(makeClient(url, rest).join(room, { profile, p2p }), "joining");
}

/** Two rooms that know each other, and the peer that each of them sees. */
export interface Pair {
  readonly ada: Room;
  readonly bob: Room;
  /** Bob as Ada sees him, and the other way round. */
  readonly toBob: Peer;
  readonly toAda: Peer;
}

/** Two clients in one room. */
export async function joinBoth(url: string, room: string, options: JoinOptions & ClientOptions = {}): Promise<Pair> {
  const ada = await join(url, room, { profile: { name: "Ada" }, ...options });
  const bob = await join(url, room, { profile: { name: "Bob" }, ...options });
  const toBob = await ada.waitForPeer({ id: bob.id, timeout: 10_000 });
  const toAda = await bob.waitForPeer({ id: ada.id, timeout: 10_000 });
  return { ada, bob, toBob, toAda };
}

/** What handlers have been given, to be waited for. */
export class Collected<T> {
  readonly all: T[] = [];

  /** The handler. */
  readonly take = (item: T): void => {
    this.all.push(item);
  };

  /** Until there are so many. */
  async count(count: number, what = `${count} of them`, deadline?: number): Promise<T[]> {
    await eventually(() => this.all.length >= count, what, deadline);
    return this.all;
  }
}

/** The messages that a room or peer gets. */
export function collect(from: Room | Peer): Collected<Message> {
  const collected = new Collected<Message>();
  from.channel("").on("message", collected.take);
  return collected;
}
