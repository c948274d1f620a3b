// The client as the server serves it.
import { Client } from "/eitherway.js";
import { Arrivals, clock, pause } from "./clock.js";
import { use } from "./work.js";

let client = null;
let arrivals = null;

/** Be there, and note how long each newcomer's first message took since that began. */
export async function listen({ url, room, times }) {
  arrivals = new Arrivals(times);
  client = new Client(url);
  const joined = await client.join(room);
  joined.on("message", (message) => arrivals.note(message.data));
  return {};
}

/** The times that were noted, in ms. */
export function noted() {
  return arrivals.all;
}

/** Join as somebody new and say when that began, so many times. */
export async function arrive({ url, room, times }) {
  for (let left = times; left > 0; left--) {
    const begun = clock();
    const newcomer = new Client(url);
    const joined = await newcomer.join(room);
    const peer = await joined.waitForPeer();
    await peer.send(begun);
    await peer.flush();
    await newcomer.close();
    await pause(100);
  }
}

/** Leave. */
export async function leave() {
  await client.close();
  client = null;
}

/** Join, and make a line to the one peer there is, as soon as there is a direct path to it. */
export async function connect({ url, room, lane }) {
  client = new Client(url);
  const joined = await client.join(room, { p2p: "eager" });
  const peer = await joined.waitForPeer();
  await new Promise((resolve) => {
    const look = () => peer.path === "direct" && resolve();
    peer.on("pathChanged", look);
    look();
  });
  const channel = lane === "bulk" ? peer.channel("load", { lane }) : peer;
  use({
    send: (data) => channel.send(data),
    onMessage: (handler) => channel.on("message", (message) => handler(message.data)),
    flush: () => peer.flush(),
  });
}

/** The library's own figures. */
export function stats() {
  return [...client.rooms.values()].flatMap((room) => [...room.peers.values()].map((peer) => peer.stats()));
}
