/**
 * What goes out without a number: acknowledgements, pings, pongs and datagrams (rules S4 and S5).
 *
 * They never wait behind the ordered lanes: on the direct path they travel on the datagram channel, on the relay with any
 * packet that goes there anyhow.
 */

import { Frame, FrameType, HEADER_SIZE, Lane } from "../codec/frames.ts";
import { encodeAck, encodeDatagram, encodePong } from "../codec/payloads.ts";
import type { SendChannel } from "./credit.ts";
import type { Receiver } from "./receiver.ts";
import { FOREVER, Flight, type Path, type Routes } from "./routing.ts";
import type { Rules } from "./rules.ts";

/** A number that no ping has. */
const NO_PING = 0;

/** What waits to go out this turn, and when the next acknowledgement is due (`ackDue`). */
export class Unsequenced {
  readonly #rules: Rules;
  readonly #routes: Routes;
  readonly #receiver: Receiver;
  #datagrams: Frame[] = [];
  #datagramsSize = 0;
  #received = 0;
  #lastAck = -FOREVER;
  ackDue = FOREVER;

  constructor(rules: Rules, routes: Routes, receiver: Receiver) {
    this.#rules = rules;
    this.#routes = routes;
    this.#receiver = receiver;
  }

  /** So many bytes of sequenced frames came by `path`. */
  received(path: Path, size: number, now: number): void {
    path.received += size;
    path.ackOwed = true;
    this.#received += size;
    const rules = this.#rules;
    const soon = Math.max(now, this.#lastAck + rules.ackPause);
    this.ackBy(this.#received >= rules.ackBytes ? soon : now + rules.ackDelay);
  }

  /** Acknowledge at the latest then. */
  ackBy(due: number): void {
    if (due < this.ackDue) this.ackDue = due;
  }

  /** When the next acknowledgement is to go; FOREVER while there is no path that it may take. */
  nextTimeout(): number {
    for (const path of this.#routes.paths.values()) if (path.confirmed) return this.ackDue;
    return FOREVER;
  }

  /** Whether anything but an acknowledgement waits to go out, or one is due before `then`. */
  isDue(then: number): boolean {
    if (this.ackDue < then || this.#datagrams.length) return true;
    for (const path of this.#routes.paths.values()) if (path.control.length || path.pongsOwed.length) return true;
    return false;
  }

  /**
   * Tell what has arrived and what is handled before this side may leave, which cuts off its direct path.
   *
   * What an acknowledgement there still has to say is then lost; so the relay says all of it, as the answer to a
   * ping that nobody sent.
   */
  lastWord(now: number): void {
    this.ackBy(now);
    const { relay, direct } = this.#routes;
    if (relay !== null && direct !== null) relay.owePong(NO_PING);
  }

  /** Take a datagram along this turn; false if no path has room for it. */
  datagram(channel: SendChannel, type: FrameType, payload: Uint8Array, now: number): boolean {
    const path = this.#routes.route(Lane.RELIABLE, now);
    const size = payload.length + 4 + HEADER_SIZE;
    if (path === null || this.#routes.datagramRoom(path, now) < this.#datagramsSize + size) return false;
    channel.datagrams += 1;
    const numbered = encodeDatagram(channel.datagrams, payload);
    this.#datagrams.push(new Frame(type, Lane.DATAGRAM, false, channel.number, 0, numbered));
    this.#datagramsSize += size;
    return true;
  }

  /** Add what goes out now to `flights`. */
  fill(now: number, flights: Flight[]): void {
    if (now >= this.ackDue) this.#acknowledge(now);
    for (const path of this.#routes.paths.values()) {
      if (path.confirmed && (path.control.length || path.pongsOwed.length)) this.#control(path, flights);
    }
    if (this.#datagrams.length) this.#sendDatagrams(now, flights);
  }

  /** By every path that brought a frame since the last time, and by the relay while direct is suspect. */
  #acknowledge(now: number): void {
    const routes = this.#routes;
    const chosen: Path[] = [];
    for (const path of routes.paths.values()) if (path.ackOwed && path.confirmed) chosen.push(path);
    const relay = routes.relay;
    if (routes.suspect() !== null && relay !== null && relay.confirmed && !chosen.includes(relay)) chosen.push(relay);
    if (!chosen.length) {
      const path = routes.route(Lane.RELIABLE, now);
      if (path === null || !path.confirmed) {
        this.ackDue = now + this.#rules.ackDelay;
        return;
      }
      chosen.push(path);
    }
    const frame = control(FrameType.ACK, this.#acknowledgement(false));
    for (const path of chosen) {
      path.ackOwed = false;
      path.control.push(frame);
    }
    this.#receiver.dirty.clear();
    this.ackDue = FOREVER;
    this.#received = 0;
    this.#lastAck = now;
  }

  #acknowledgement(every: boolean): Uint8Array {
    const receiver = this.#receiver;
    const [reliable, bulk] = receiver.lanes;
    return encodeAck(reliable.next, bulk.next, receiver.credits(every));
  }

  /** A path's acknowledgements, pings and pongs. */
  #control(path: Path, flights: Flight[]): void {
    const frames = path.control;
    path.control = [];
    if (path.pongsOwed.length) {
      const told = this.#acknowledgement(true);
      for (const number of path.pongsOwed) frames.push(control(FrameType.PONG, encodePong(number, told)));
      path.pongsOwed = [];
    }
    this.#pack(path, frames, flights);
  }

  #sendDatagrams(now: number, flights: Flight[]): void {
    const path = this.#routes.route(Lane.RELIABLE, now);
    if (path?.confirmed) {
      path.datagram(now);
      this.#pack(path, this.#datagrams, flights);
    }
    this.#datagrams = [];
    this.#datagramsSize = 0;
  }

  /** Into a packet that goes by the relay anyhow, or into packets of their own. */
  #pack(path: Path, frames: Frame[], flights: Flight[]): void {
    if (path.isRelay) {
      let size = 0;
      for (const frame of frames) size += frame.payload.length + HEADER_SIZE;
      for (const flight of flights) {
        if (flight.instance === path.instance && flight.size + size <= path.packet) {
          flight.frames.unshift(...frames);
          flight.size += size;
          path.gave(size);
          return;
        }
      }
    }
    const most = path.isRelay ? path.packet : this.#rules.datagramPacket;
    let packet: Frame[] = [];
    let size = 0;
    const flush = () => {
      flights.push(new Flight(path.instance, Lane.DATAGRAM, packet, [], size));
      path.gave(size);
    };
    for (const frame of frames) {
      const cost = frame.payload.length + HEADER_SIZE;
      if (packet.length && size + cost > most) {
        flush();
        packet = [];
        size = 0;
      }
      packet.push(frame);
      size += cost;
    }
    flush();
  }
}

function control(type: FrameType, payload: Uint8Array): Frame {
  return new Frame(type, Lane.DATAGRAM, false, 0, 0, payload);
}
