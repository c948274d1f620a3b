// One peer of a browser test: what tests/network/peer_program.py is in Python. By the public API alone it talks with all
// others, and writes down what it sent and what arrived, for tests/network/compare.py.

import { claimPageIdentity, Client, EitherwayError } from "/eitherway.js";
import { CuttableConnection } from "./cut.js";
import { sha256 } from "/noble/sha2.js";
import { bytesToHex, utf8ToBytes } from "/noble/utils.js";

const SECRET = "plaintext-of-a-message";
const PUBLIC = "public-name-of-";
const BULK = 16_384;
const KEPT = "talk.kept";

const digest = (bytes) => bytesToHex(sha256(bytes)).slice(0, 16);
const nameOf = (peer) => peer.name.replace(PUBLIC, "");
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Bytes of a bulk message that its number makes: all four bytes of each word differ from those of the next number. */
function bulkOf(n) {
  const bytes = new Uint8Array(BULK);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(n));
  let word = n * 2_654_435_761;
  for (let at = 8; at < BULK; at += 4) {
    word = (Math.imul(word, 1_664_525) + 1_013_904_223) | 0;
    view.setInt32(at, word);
  }
  return bytes;
}

class Talk {
  client = null;
  room = null;
  stopped = false;
  /** How many messages have arrived from each. */
  arrived = {};
  /** The paths on which messages have arrived from each. */
  arrivedBy = {};
  /** What happened, in order: events of the room and of the client. */
  happened = [];
  #records = [];
  #numbers = new Map();
  #talks = new Map();
  #options = null;

  constructor() {
    // A page that is loaded again goes on with its numbers, and what it wrote down is not lost.
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
    sessionStorage.removeItem(KEPT);
    if (kept !== null) {
      this.#records = kept.records;
      this.#numbers = new Map(kept.numbers);
    }
    addEventListener("pagehide", () => {
      if (this.client === null) return;
      sessionStorage.setItem(KEPT, JSON.stringify({ records: this.#records, numbers: [...this.#numbers] }));
    });
  }

  /** Join and begin to talk. Gives this page's id. */
  async join({ url, room, name, p2p = "auto", every = 20, bulk = 0, transports }) {
    this.#options = { every, bulk };
    const { identity } = await claimPageIdentity();
    this.client = new Client(url, { identity, RTCPeerConnection: CuttableConnection, ...(transports && { transports }) });
    this.client.on("error", (error) => console.error("the client reports:", String(error?.stack ?? error)));
    this.client.on("connected", () => this.#happened({ event: "connected" }));
    this.client.on("disconnected", (reason) => this.#happened({ event: "disconnected", reason }));
    this.room = await this.client.join(room, { profile: { name: PUBLIC + name }, p2p });
    this.room.on("message", (message) => this.#arrive(message, "reliable"));
    this.room.channel("bulk", { lane: "bulk" }).on("message", (message) => this.#arrive(message, "bulk"));
    this.room.on("peerJoined", (peer) => this.#appeared(peer));
    this.room.on("peerLeft", (peer, reason) => this.#vanished(peer, reason));
    this.room.on("pathChanged", (peer, path) => this.#happened({ event: "path", peer: nameOf(peer), path }));
    this.room.on("closed", (reason) => this.#happened({ event: "closed", reason }));
    this.room.on("undelivered", ({ peer, messages }) => {
      for (const { data, lane } of messages) this.#record("undelivered", { to: nameOf(peer), lane, n: numberOf(data) });
    });
    for (const peer of this.room.peers.values()) this.#appeared(peer);
    return this.room.id;
  }

  /** The path to each other, by its name. */
  paths() {
    return Object.fromEntries([...this.room.peers.values()].map((peer) => [nameOf(peer), peer.path]));
  }

  /** Figures of the link to each other, by its name. */
  stats() {
    return Object.fromEntries([...this.room.peers.values()].map((peer) => [nameOf(peer), peer.stats()]));
  }

  /** What was written down since the last time. */
  drain() {
    return this.#records.splice(0);
  }

  /** Say nothing more, and wait until the others have handled what was said. */
  async stop() {
    this.stopped = true;
    await Promise.all([...this.#talks.values()].flat());
    await this.room.flush({ timeout: 60_000 });
  }

  async leave() {
    await this.client.close();
  }

  #appeared(peer) {
    if (this.#talks.has(peer)) return;
    this.#happened({ event: "joined", peer: nameOf(peer), id: peer.id });
    const talk = [];
    this.#talks.set(peer, talk);
    talk.push(this.#sendSmall(peer), this.#sendBulk(peer));
  }

  #vanished(peer, reason) {
    this.#happened({ event: "left", peer: nameOf(peer), reason });
    this.#talks.delete(peer);
  }

  #arrive(message, lane) {
    const from = nameOf(message.peer);
    const { data, path } = message;
    const told = lane === "reliable" ? digest(utf8ToBytes(data.text)) : digest(data);
    this.#record("arrived", { from, lane, n: numberOf(data), digest: told, path });
    this.arrived[from] = (this.arrived[from] ?? 0) + 1;
    (this.arrivedBy[from] ??= {})[path] = (this.arrivedBy[from][path] ?? 0) + 1;
  }

  async #sendSmall(peer) {
    while (!this.stopped && this.#talks.has(peer)) {
      const n = this.#next(peer, "reliable");
      const text = `${SECRET} ${n}`;
      const content = digest(utf8ToBytes(text));
      if (!(await this.#send(peer, peer, "reliable", n, content, { n, text, digest: content }))) return;
      await sleep(this.#options.every);
    }
  }

  async #sendBulk(peer) {
    const channel = peer.channel("bulk", { lane: "bulk" });
    for (let left = this.#options.bulk; left > 0 && !this.stopped && this.#talks.has(peer); left -= BULK) {
      const n = this.#next(peer, "bulk");
      const data = bulkOf(n);
      if (!(await this.#send(peer, channel, "bulk", n, digest(data), data))) return;
    }
  }

  async #send(peer, channel, lane, n, content, data) {
    this.#record("sent", { to: nameOf(peer), lane, n, digest: content });
    try {
      await channel.send(data);
      return true;
    } catch (error) {
      if (!(error instanceof EitherwayError)) throw error;
      this.#record("undelivered", { to: nameOf(peer), lane, n }); // gone meanwhile: the message was not taken
      return false;
    }
  }

  #next(peer, lane) {
    const key = `${nameOf(peer)} ${lane}`;
    const n = (this.#numbers.get(key) ?? 0) + 1;
    this.#numbers.set(key, n);
    return n;
  }

  #happened(what) {
    this.happened.push({ at: seconds(), ...what });
  }

  #record(kind, what) {
    this.#records.push({ kind, at: seconds(), ...what });
  }
}

/** Since 1970. */
function seconds() {
  return (performance.timeOrigin + performance.now()) / 1000;
}

function numberOf(data) {
  return data instanceof Uint8Array ? Number(new DataView(data.buffer, data.byteOffset).getBigUint64(0)) : data.n;
}

globalThis.talk = new Talk();
