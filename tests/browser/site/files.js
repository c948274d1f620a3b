// Files between pages, over a bulk channel: what was sent and what arrived, by size and hash.

import { sha256 } from "/noble/sha2.js";
import { bytesToHex } from "/noble/utils.js";

const PIECE = 65_536;

/** Bytes that look random, made from a number. */
function make(size, seed) {
  const words = new Uint32Array(size / 4);
  let word = seed | 1;
  for (let at = 0; at < words.length; at++) {
    word ^= word << 13;
    word ^= word >>> 17;
    word ^= word << 5;
    words[at] = word;
  }
  return new Uint8Array(words.buffer);
}

globalThis.files = {
  received: null,
  /** Bytes of it that have arrived so far. */
  arrived: 0,
  /** Take one file from anybody in the room. */
  receive(room) {
    const hash = sha256.create();
    room.channel("file", { lane: "bulk" }).on("message", ({ data, path }) => {
      if (data instanceof Uint8Array) {
        files.arrived += data.length;
        hash.update(data);
      } else {
        files.received = { name: data.end, size: files.arrived, hash: bytesToHex(hash.digest()), path };
      }
    });
  },
  /** Send one, and resolve to its hash when the peer has handled it all. */
  async send(peer, size, seed) {
    const bytes = make(size, seed);
    const channel = peer.channel("file", { lane: "bulk" });
    for (let at = 0; at < size; at += PIECE) await channel.send(bytes.subarray(at, at + PIECE));
    await channel.send({ end: `file-${seed}` });
    await peer.flush({ timeout: 300_000 });
    return bytesToHex(sha256(bytes));
  },
};
