/** The path through the server: sealed packets, numbered, batched and acknowledged (rule V4). */

import { soon } from "../clock.ts";
import type { Connection } from "../connection.ts";
import { MAX_PACKET, MAX_POLL_PACKETS } from "../protocol/limits.ts";

/** Bytes of packets in one relay event: well under the server's bound for one Socket.IO packet. */
export const MAX_EVENT = 480_000;
/**
 * Packets in one relay event. Over long-polling each is an Engine.IO packet of its own, and whatever else waits goes
 * with them: of too many in a request the server takes none (rule V5).
 */
export const MAX_PACKETS = MAX_POLL_PACKETS / 2;

interface Entry {
  readonly path: Sending;
  readonly packet: Uint8Array;
  readonly refused: (code: string) => void;
}

interface Sending {
  readonly room: string;
  readonly peer: string;
  take(size: number): void;
  drained(): void;
}

/**
 * All relay paths over one client's connection: what they send in one turn of the event loop goes as one event.
 *
 * The next event is not made before the engine has written the last one, so batches grow as the network gets slower and
 * no queue does. What waits is bounded by each path's own bound (rules S6 and S7).
 */
export class Relays {
  readonly #connection: Connection;
  #waiting: Entry[] = [];
  #unacknowledged: { readonly n: number; readonly entries: readonly Entry[] }[] = [];
  #n = 0;
  /** The pump that runs; null: none does. */
  #pump: Promise<void> | null = null;
  /** Counts the resets: a pump that has overslept one ends. */
  #life = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Send an entry with the next event. */
  put(entry: Entry): void {
    this.#waiting.push(entry);
    this.#pump ??= this.#run(this.#life);
  }

  /** Until everything put so far has been given to the network. */
  async sent(): Promise<void> {
    while (this.#pump !== null) await this.#pump;
  }

  /** The server took every relay up to `n`. */
  relayed(n: number): void {
    const told = new Set<Sending>();
    while ((this.#unacknowledged[0]?.n ?? Infinity) <= n) {
      for (const { path, packet } of this.#unacknowledged.shift()?.entries ?? []) {
        told.add(path);
        path.take(packet.length);
      }
    }
    for (const path of told) path.drained();
  }

  /** The server did not pass on what relay `n` had for `to`. */
  refused(n: number, to: string, code: string): void {
    const entries = this.#unacknowledged.find((one) => one.n === n)?.entries ?? [];
    for (const entry of entries) if (entry.path.peer === to) entry.refused(code);
  }

  /** The connection is gone, and with it everything that was on its way. */
  reset(): void {
    const entries = [...this.#unacknowledged.flatMap((one) => one.entries), ...this.#waiting];
    this.#unacknowledged = [];
    this.#waiting = [];
    this.#n = 0;
    this.#life += 1;
    this.#pump = null;
    for (const { path, packet } of entries) path.take(packet.length);
  }

  async #run(life: number): Promise<void> {
    await new Promise<void>(soon);
    while (life === this.#life && this.#waiting.length > 0) {
      const entries = this.#next();
      this.#n += 1;
      this.#unacknowledged.push({ n: this.#n, entries });
      await this.#connection.emit("relay", {
        room: entries[0]?.path.room ?? "",
        n: this.#n,
        to: entries.map((entry) => entry.path.peer),
        packets: entries.map((entry) => entry.packet),
      });
    }
    if (life === this.#life) this.#pump = null;
  }

  /** What goes with the next event: the oldest that waits, and what follows it in the same room. */
  #next(): Entry[] {
    const room = this.#waiting[0]?.path.room;
    let size = 0;
    let count = 0;
    for (const { path, packet } of this.#waiting) {
      size += packet.length;
      if (path.room !== room || count === MAX_PACKETS || (count > 0 && size > MAX_EVENT)) break;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }
}

/** Whom a relay path tells. */
export interface RelayCallbacks<What> {
  /** The server has acknowledged something. */
  readonly onDrain: () => void;
  /** The server did not pass on the packet that carried `what`. */
  readonly onRefused: (what: What, code: string) => void;
}

/** The relay path to one peer in one room. Which packets arrive on it, the room's events tell. */
export class RelayPath<What = unknown> {
  readonly room: string;
  readonly peer: string;
  /** Bytes that the server has not yet acknowledged. */
  waiting = 0;
  readonly #relays: Relays;
  readonly #callbacks: RelayCallbacks<What>;

  constructor(relays: Relays, room: string, peer: string, callbacks: RelayCallbacks<What>) {
    this.#relays = relays;
    this.room = room;
    this.peer = peer;
    this.#callbacks = callbacks;
  }

  /** Send a sealed packet; `what` comes back with a refusal. Throws RangeError if it is empty or too large. */
  send(packet: Uint8Array, what: What): void {
    if (packet.length < 1 || packet.length > MAX_PACKET) {
      throw new RangeError(`a packet on the relay has 1 to ${MAX_PACKET} bytes; this one has ${packet.length}`);
    }
    this.waiting += packet.length;
    this.#relays.put({ path: this, packet, refused: (code) => this.#callbacks.onRefused(what, code) });
  }

  /** So many bytes are no longer waiting. */
  take(size: number): void {
    this.waiting -= size;
  }

  /** The server acknowledged something. */
  drained(): void {
    this.#callbacks.onDrain();
  }
}
