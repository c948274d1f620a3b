/** Files on the bulk lane, a channel to each peer: what travels, and how far it has come. Shows nothing itself. */

import type { Channel, Peer, Room } from "eitherway";
import { fileName } from "./names.ts";
import { Pace, pause } from "./pace.ts";

/** The label of the channel. */
const LABEL = "file";
/** A peer whose profile has this key, true, takes files. */
export const TAKES = "files";
/** Bytes in one message. */
const PIECE = 262_144;
/** Between two reports of how far a file has come, in bytes. */
const REPORT_EVERY = 1_048_576;
/** The largest file that is taken, and what is kept of all: a page has no disk to write to. */
const MAX_SIZE = 1_000_000_000;
const MAX_KEPT = 2_000_000_000;

/** One file on its way, or arrived. */
export interface Transfer {
  readonly peer: Peer;
  readonly direction: "in" | "out";
  readonly name: string;
  readonly size: number;
  /** Bytes that the receiver has. */
  done: number;
  state: "waiting" | "moving" | "done" | "failed";
  /** Why it failed. */
  why: string;
  /** What came, once all did. */
  content: Blob | null;
  /** When the first byte moved and the last one, in ms. */
  began: number;
  ended: number;
}

interface Outgoing {
  readonly transfer: Transfer;
  stopped: boolean;
}

interface Incoming {
  readonly id: number;
  readonly transfer: Transfer;
  readonly pieces: Blob[];
  reported: number;
}

/** What is sent beside the bytes themselves, which come in order after their `file`. */
interface Note {
  readonly file?: { readonly id: number; readonly name: string; readonly size: number };
  readonly got?: { readonly id: number; readonly bytes: number };
  readonly stop?: { readonly id: number; readonly why: string };
}

/** All files of this page. `changed` is called when anything about one has changed. */
export class Transfers {
  readonly #changed: (transfer: Transfer) => void;
  readonly #outgoing = new Map<Peer, Map<number, Outgoing>>();
  readonly #incoming = new Map<Peer, Incoming>();
  readonly #queues = new Map<Peer, Promise<void>>();
  /** Each file is a row on the page: whoever announces a great many waits. */
  readonly #pace = new Pace(20, 5);
  #next = 1;
  #kept = 0;

  constructor(room: Room, changed: (transfer: Transfer) => void) {
    this.#changed = changed;
    room.channel<unknown>(LABEL, { lane: "bulk" }).on("message", async ({ peer, data }) => {
      if (room.peers.get(peer.id) !== peer) return;
      if (data instanceof Uint8Array) await this.#piece(peer, data);
      else await this.#note(peer, data as Note);
    });
  }

  /** Sends a file to a peer, after those that wait already. Never throws: the transfer says what became of it. */
  async send(peer: Peer, file: File): Promise<void> {
    const transfer = newTransfer(peer, "out", fileName(file.name), file.size);
    const outgoing: Outgoing = { transfer, stopped: false };
    const id = this.#next++;
    const mine = this.#outgoing.get(peer) ?? new Map<number, Outgoing>();
    this.#outgoing.set(peer, mine.set(id, outgoing));
    this.#changed(transfer);
    const before = this.#queues.get(peer) ?? Promise.resolve();
    const work = before.then(() => this.#sendNow(id, outgoing, file));
    this.#queues.set(peer, work);
    await work;
  }

  /** Gives a transfer up, on both sides. */
  async stop(transfer: Transfer): Promise<void> {
    for (const [id, outgoing] of this.#outgoing.get(transfer.peer) ?? []) {
      if (outgoing.transfer === transfer) {
        this.#fail(outgoing, "stopped by you");
        await this.#tell(transfer.peer, { stop: { id, why: "stopped by the sender" } });
      }
    }
    const incoming = this.#incoming.get(transfer.peer);
    if (incoming?.transfer === transfer) await this.#refuse(incoming, "stopped by you", "stopped by the receiver");
  }

  /** The peer is gone for good. */
  left(peer: Peer): void {
    for (const outgoing of this.#outgoing.get(peer)?.values() ?? []) this.#fail(outgoing, "the peer has left");
    const incoming = this.#incoming.get(peer);
    if (incoming !== undefined) this.#end(incoming.transfer, "failed", "the peer has left");
    this.#outgoing.delete(peer);
    this.#incoming.delete(peer);
    this.#queues.delete(peer);
    this.#pace.forget(peer.id);
  }

  /** What came is no longer wanted. */
  forget(transfer: Transfer): void {
    if (transfer.content !== null) this.#kept -= transfer.size;
    transfer.content = null;
  }

  // ---- sending

  async #sendNow(id: number, outgoing: Outgoing, file: File): Promise<void> {
    const { transfer } = outgoing;
    if (outgoing.stopped) return;
    const channel = this.#channel(transfer.peer);
    transfer.state = "moving";
    transfer.began = performance.now();
    this.#changed(transfer);
    try {
      await channel.send({ file: { id, name: file.name, size: file.size } });
      for (let from = 0; from < file.size && !outgoing.stopped; from += PIECE) {
        const piece = await file.slice(from, from + PIECE).arrayBuffer();
        if (!outgoing.stopped) await channel.send(new Uint8Array(piece));
      }
    } catch (error) {
      this.#fail(outgoing, error instanceof Error ? error.message : String(error));
    }
  }

  #fail(outgoing: Outgoing, why: string): void {
    outgoing.stopped = true;
    this.#end(outgoing.transfer, "failed", why);
  }

  #progress(peer: Peer, id: number, bytes: number): void {
    const outgoing = this.#outgoing.get(peer)?.get(id);
    if (outgoing === undefined || outgoing.stopped) return;
    const { transfer } = outgoing;
    transfer.done = Math.min(Math.max(transfer.done, bytes), transfer.size);
    if (transfer.done < transfer.size) this.#changed(transfer);
    else {
      this.#outgoing.get(peer)?.delete(id);
      this.#end(transfer, "done", "");
    }
  }

  // ---- receiving

  async #note(peer: Peer, note: Note): Promise<void> {
    if (typeof note !== "object" || note === null) return;
    const { file, got, stop } = note;
    if (isNumbered(file)) {
      await pause(this.#pace.delay(peer.id, performance.now()));
      await this.#begin(peer, file);
    }
    if (isNumbered(got) && typeof got.bytes === "number") this.#progress(peer, got.id, got.bytes);
    if (isNumbered(stop)) {
      const outgoing = this.#outgoing.get(peer)?.get(stop.id);
      const why = stop.why === undefined ? "stopped by the other side" : String(stop.why).slice(0, 120);
      if (outgoing !== undefined) this.#fail(outgoing, why);
      const incoming = this.#incoming.get(peer);
      if (incoming?.id === stop.id) {
        this.#incoming.delete(peer);
        this.#end(incoming.transfer, "failed", why);
      }
    }
  }

  async #begin(peer: Peer, { id, name, size }: { id: number; name?: unknown; size?: unknown }): Promise<void> {
    const before = this.#incoming.get(peer);
    if (before !== undefined) this.#end(before.transfer, "failed", "another file came before its end");
    if (!Number.isSafeInteger(size) || (size as number) < 0) return;
    const transfer = newTransfer(peer, "in", fileName(name), size as number);
    const incoming: Incoming = { id, transfer, pieces: [], reported: 0 };
    this.#incoming.set(peer, incoming);
    transfer.state = "moving";
    transfer.began = performance.now();
    if (transfer.size > MAX_SIZE) await this.#refuse(incoming, "too large", "too large for a page: at most 1 GB");
    else if (this.#kept + transfer.size > MAX_KEPT) {
      await this.#refuse(incoming, "no room", "no room: the page keeps 2 GB of files at most");
    } else {
      this.#changed(transfer);
      if (transfer.size === 0) await this.#arrived(incoming);
    }
  }

  async #piece(peer: Peer, piece: Uint8Array): Promise<void> {
    const incoming = this.#incoming.get(peer);
    if (incoming === undefined) return; // of a file that was refused
    const { transfer } = incoming;
    if (transfer.done + piece.length > transfer.size) {
      await this.#refuse(incoming, "more came than was announced", "longer than announced");
      return;
    }
    incoming.pieces.push(new Blob([piece as Uint8Array<ArrayBuffer>]));
    transfer.done += piece.length;
    if (transfer.done === transfer.size) await this.#arrived(incoming);
    else {
      this.#changed(transfer);
      if (transfer.done - incoming.reported >= REPORT_EVERY) await this.#report(incoming);
    }
  }

  async #arrived(incoming: Incoming): Promise<void> {
    const { transfer, pieces } = incoming;
    // Whatever it is, it is bytes to be saved, and nothing that a browser would open under our origin.
    transfer.content = new Blob(pieces, { type: "application/octet-stream" });
    this.#kept += transfer.size;
    this.#incoming.delete(transfer.peer);
    this.#end(transfer, "done", "");
    await this.#report(incoming);
  }

  async #report(incoming: Incoming): Promise<void> {
    incoming.reported = incoming.transfer.done;
    await this.#tell(incoming.transfer.peer, { got: { id: incoming.id, bytes: incoming.transfer.done } });
  }

  async #refuse(incoming: Incoming, why: string, say: string): Promise<void> {
    this.#incoming.delete(incoming.transfer.peer);
    this.#end(incoming.transfer, "failed", why);
    await this.#tell(incoming.transfer.peer, { stop: { id: incoming.id, why: say } });
  }

  // ---- both

  async #tell(peer: Peer, note: Note): Promise<void> {
    try {
      await this.#channel(peer).send(note);
    } catch {
      // It has left: `left` ends its transfers.
    }
  }

  #end(transfer: Transfer, state: "done" | "failed", why: string): void {
    if (transfer.state === "done" || transfer.state === "failed") return;
    transfer.state = state;
    transfer.why = why;
    transfer.ended = performance.now();
    this.#changed(transfer);
  }

  #channel(peer: Peer): Channel<unknown> {
    return peer.channel<unknown>(LABEL, { lane: "bulk" });
  }
}

function newTransfer(peer: Peer, direction: "in" | "out", name: string, size: number): Transfer {
  return { peer, direction, name, size, done: 0, state: "waiting", why: "", content: null, began: 0, ended: 0 };
}

function isNumbered<T extends { readonly id: number }>(part: T | undefined): part is T {
  return typeof part === "object" && part !== null && Number.isSafeInteger(part.id);
}
