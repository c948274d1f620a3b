// PeerJS as its documentation has it, with a server of its own. Its connections have a data channel that is ordered and
// reliable if asked for, and how data is packed is chosen.
import "/peerjs.min.js";
import { FULL } from "./bare.js";
import { Arrivals, clock, pause } from "./clock.js";
import { use } from "./work.js";

const { Peer } = globalThis.peerjs;
let peer = null;
let arrivals = null;
let incoming = null;

/** A peer that its server knows. Public STUN servers, which it asks by default, would only cost it time here. */
async function known({ host, port }) {
  const made = new Peer({ host, port, path: "/", config: { iceServers: [] } });
  await new Promise((resolve, reject) => {
    made.on("open", resolve);
    made.on("error", reject);
  });
  return made;
}

async function connected(from, to, serialization) {
  const connection = from.connect(to, { reliable: true, serialization });
  await new Promise((resolve, reject) => {
    connection.on("open", resolve);
    connection.on("error", reject);
  });
  return connection;
}

/** Be there, and note how long each newcomer's first message took since that began. */
export async function listen({ server, times }) {
  arrivals = new Arrivals(times);
  peer = await known(server);
  peer.on("connection", (connection) => {
    connection.on("data", (begun) => {
      arrivals.note(begun);
      connection.send("thanks");
    });
  });
  return { id: peer.id };
}

/** The times that were noted, in ms. */
export function noted() {
  return arrivals.all;
}

/** Connect as somebody new and say when that began, so many times. */
export async function arrive({ server, id, serialization, times }) {
  for (let left = times; left > 0; left--) {
    const begun = clock();
    const newcomer = await known(server);
    const connection = await connected(newcomer, id, serialization);
    const thanked = new Promise((resolve) => connection.on("data", resolve));
    connection.send(begun);
    await thanked;
    newcomer.destroy();
    await pause(100);
  }
}

/** Leave. */
export function leave() {
  peer.destroy();
  peer = null;
}

/** Be there for one connection: `accepted` waits for it. */
export async function accept({ server }) {
  peer = await known(server);
  incoming = new Promise((resolve) => {
    peer.on("connection", (connection) => connection.on("open", () => resolve(use(lineOf(connection)))));
  });
  return { id: peer.id };
}

/** Until the other one has connected. */
export function accepted() {
  return incoming;
}

/** Connect to another one. */
export async function connect({ server, id, serialization }) {
  peer = await known(server);
  use(lineOf(await connected(peer, id, serialization)));
}

function lineOf(connection) {
  const channel = connection.dataChannel;
  channel.bufferedAmountLowThreshold = FULL / 2;
  return {
    send(data) {
      connection.send(data);
      if (channel.bufferedAmount < FULL) return undefined;
      return new Promise((resolve) => channel.addEventListener("bufferedamountlow", resolve, { once: true }));
    },
    onMessage(handler) {
      connection.on("data", handler);
    },
  };
}
