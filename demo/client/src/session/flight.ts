/** Numbered frames on their way, and the packing of them. */

import type { Frame, Lane } from "../codec/frames.ts";
import type { Outbound } from "./events.ts";
import { Flight, type Path } from "./routing.ts";

/** A frame is not to be sent again. */
export const UNWANTED = 0;
/** A frame is to be sent again by any path. */
export const LOST = 1;
/** A frame is to be sent again, but only by a path that it has not taken yet. */
export const DOUBTED = 2;

/** Whether and how a frame is to be sent again. */
export type Wanted = typeof UNWANTED | typeof LOST | typeof DOUBTED;

/** A numbered frame until it is acknowledged. */
export class Sent {
  readonly frame: Frame;
  readonly cost: number;
  readonly charge: number;
  readonly message: Outbound;
  /** The path instances that carry it. */
  by: readonly Path[];
  at: number;
  doneBefore: number;
  /** Sent once: its acknowledgement measures its path. */
  alone = true;
  wanted: Wanted = UNWANTED;

  constructor(
    frame: Frame,
    cost: number,
    charge: number,
    message: Outbound,
    by: readonly Path[],
    at: number,
    doneBefore: number,
  ) {
    this.frame = frame;
    this.cost = cost;
    this.charge = charge;
    this.message = message;
    this.by = by;
    this.at = at;
    this.doneBefore = doneBefore;
  }

  /** A path carries it no longer. */
  leave(path: Path): void {
    this.by = this.by.filter((one) => one !== path);
  }
}

/** Fills packets for one path. */
export class Packer {
  readonly #path: Path;
  readonly #lane: Lane;
  readonly #flights: Flight[];
  #frames: Frame[] = [];
  #items: Sent[] = [];
  #size = 0;
  room: number;

  constructor(path: Path, lane: Lane, room: number, flights: Flight[]) {
    this.#path = path;
    this.#lane = lane;
    this.room = room;
    this.#flights = flights;
  }

  /** Put a frame into the packet, or into the next one if this one is full. */
  add(item: Sent): void {
    const cost = item.cost;
    if (this.#size + cost > this.#path.packet && this.#items.length) this.flush();
    this.#frames.push(item.frame);
    this.#items.push(item);
    this.#size += cost;
    this.room -= cost;
  }

  /** End the packet. */
  flush(): void {
    if (!this.#items.length) return;
    this.#flights.push(new Flight(this.#path.instance, this.#lane, this.#frames, this.#items, this.#size));
    this.#path.gave(this.#size);
    this.#frames = [];
    this.#items = [];
    this.#size = 0;
  }
}
