import { now } from "../clock.ts";
import type { FrameType } from "../codec/frames.ts";
import { NotInRoom } from "../errors.ts";
import type { LinkCore } from "../session/link-core.ts";
import { DEFAULT, type Key, labelOf, laneOf } from "./received.ts";

interface Waiting {
  readonly kind: FrameType;
  readonly payload: Uint8Array;
  readonly sent: () => void;
  readonly failed: (error: unknown) => void;
}

interface Outlet {
  readonly key: Key;
  /** The channel's number in the current session; null until it is opened there. */
  number: number | null;
  /** Who waits for room, who came first first. */
  readonly waiting: Waiting[];
}

/**
 * The sending side of a link's channels: who sends first waits first, and every session opens them anew. Sends on
 * channels by their keys; `sent(time)` is called whenever there is something for the link to do.
 */
export class Outlets {
  readonly #core: LinkCore;
  readonly #sent: (time: number) => void;
  readonly #outlets = new Map<Key, Outlet>();
  readonly #byNumber = new Map<number, Outlet>();
  readonly #closed = new Set<Key>();
  #refusal: string | null = null;

  constructor(core: LinkCore, sent: (time: number) => void) {
    this.#core = core;
    this.#sent = sent;
  }

  /** Nothing can be sent any more; those who wait are told. */
  refuse(reason: string): void {
    this.#refusal = reason;
    for (const outlet of this.#outlets.values()) {
      for (const one of outlet.waiting.splice(0)) one.failed(this.#error());
    }
  }

  /** Throws NotInRoom if nothing can be sent any more. */
  check(): void {
    if (this.#refusal !== null) throw this.#error();
  }

  /** Another session: its channels have other numbers, and whoever waits may find room. */
  renew(): void {
    this.#byNumber.clear();
    for (const outlet of this.#outlets.values()) outlet.number = null;
    for (const outlet of this.#outlets.values()) this.#advance(outlet);
  }

  /** A channel may have room again. */
  ready(number: number): void {
    const outlet = this.#byNumber.get(number);
    if (outlet !== undefined) this.#advance(outlet);
  }

  /** Send if there is room for it now; else return false. Throws NotInRoom, and RangeError for too many channels. */
  trySend(key: Key, kind: FrameType, payload: Uint8Array): boolean {
    this.check();
    const outlet = this.#outlet(key);
    if (outlet.waiting.length > 0 || !this.#core.session.canSend(this.#number(outlet), payload.length)) return false;
    this.#put(outlet, kind, payload);
    return true;
  }

  /**
   * Send, waiting while the channel's credit or the lane's window is full; undefined if it need not. Throws or rejects
   * with NotInRoom, and with the signal's reason if that is aborted while the message waits: it has not been sent then.
   */
  send(key: Key, kind: FrameType, payload: Uint8Array, signal?: AbortSignal): Promise<void> | undefined {
    signal?.throwIfAborted();
    return this.trySend(key, kind, payload) ? undefined : this.#sendLater(key, kind, payload, signal);
  }

  async #sendLater(key: Key, kind: FrameType, payload: Uint8Array, signal?: AbortSignal): Promise<void> {
    const { waiting } = this.#outlet(key);
    let abort: (() => void) | undefined;
    try {
      await new Promise<void>((sent, failed) => {
        const one: Waiting = { kind, payload, sent, failed };
        abort = () => {
          const place = waiting.indexOf(one);
          if (place >= 0) waiting.splice(place, 1);
          failed(signal?.reason);
        };
        waiting.push(one);
        signal?.addEventListener("abort", abort);
      });
    } finally {
      if (abort !== undefined) signal?.removeEventListener("abort", abort);
    }
  }

  /** Send a datagram if the path has room; false if it was dropped. Throws NotInRoom. */
  sendDatagram(key: Key, kind: FrameType, payload: Uint8Array): boolean {
    this.check();
    const time = now();
    const sent = this.#core.session.sendDatagram(this.#number(this.#outlet(key)), kind, payload, time);
    this.#sent(time);
    return sent;
  }

  /** Send no more on a channel: the peer is told after everything sent before, and who still waits is told so. */
  close(key: Key): void {
    if (this.#refusal !== null || this.#closed.has(key)) return;
    // Opened if nothing was sent on it yet: who reads it over there waits for its end.
    const outlet = this.#outlet(key);
    const number = this.#number(outlet);
    this.#outlets.delete(key);
    this.#closed.add(key);
    const closed = new NotInRoom(`channel ${JSON.stringify(labelOf(key))} was closed on this side meanwhile`);
    for (const one of outlet.waiting.splice(0)) one.failed(closed);
    const time = now();
    this.#core.session.closeChannel(number, time);
    this.#sent(time);
  }

  /** Send what waits, as far as there is room. */
  #advance(outlet: Outlet): void {
    for (let one = outlet.waiting[0]; one !== undefined; one = outlet.waiting[0]) {
      try {
        if (!this.#core.session.canSend(this.#number(outlet), one.payload.length)) return;
        this.#put(outlet, one.kind, one.payload);
        one.sent();
      } catch (error) {
        one.failed(error);
      }
      outlet.waiting.shift();
    }
  }

  #put(outlet: Outlet, kind: FrameType, payload: Uint8Array): void {
    const time = now();
    this.#core.session.send(this.#number(outlet), kind, payload, time, outlet.key);
    this.#sent(time);
  }

  #outlet(key: Key): Outlet {
    let outlet = this.#outlets.get(key);
    if (outlet === undefined) {
      outlet = { key, number: null, waiting: [] };
      this.#outlets.set(key, outlet);
      this.#closed.delete(key);
    }
    return outlet;
  }

  #number(outlet: Outlet): number {
    if (outlet.number !== null) return outlet.number;
    const { key } = outlet;
    const number = key === DEFAULT ? 0 : this.#core.session.open(labelOf(key), laneOf(key));
    outlet.number = number;
    this.#byNumber.set(number, outlet);
    this.#sent(now()); // the opening goes out even if what is to follow it has no room yet
    return number;
  }

  #error(): NotInRoom {
    return new NotInRoom(`nothing can be sent to this peer: ${this.#refusal}`);
  }
}
