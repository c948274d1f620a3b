/** Pointers over the picture of the room: on the datagram lane, since only the newest place matters. */

import type { Peer, Room } from "eitherway";
import { html } from "./dom.ts";

const LABEL = "cursor";
/** Between two places that are sent, in ms. */
const EVERY = 33;
/** A pointer that has not moved for so many ms is hidden. */
const RESTS = 4000;

interface Cursor {
  readonly element: HTMLElement;
  readonly name: HTMLElement;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/** Sends where our pointer is over the stage, as shares of its size, and shows the others'. */
export class Cursors {
  readonly #stage: HTMLElement;
  readonly #layer: HTMLElement;
  readonly #look: (peer: Peer) => { name: string; hue: number };
  readonly #cursors = new Map<string, Cursor>();

  constructor(room: Room, stage: HTMLElement, layer: HTMLElement, look: (peer: Peer) => { name: string; hue: number }) {
    this.#stage = stage;
    this.#layer = layer;
    this.#look = look;
    const channel = room.channel<unknown>(LABEL, { lane: "datagram", latest: true });
    channel.on("message", ({ peer, data }) => {
      if (room.peers.get(peer.id) === peer) this.#show(peer, data);
    });
    let sent = 0;
    stage.addEventListener("pointermove", (event) => {
      if (event.timeStamp - sent < EVERY) return;
      sent = event.timeStamp;
      const box = stage.getBoundingClientRect();
      const place = { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
      channel.send(place).catch(() => undefined); // a datagram may be lost, and the room may be closing
    });
  }

  /** The peer is gone. */
  left(peer: Peer): void {
    const cursor = this.#cursors.get(peer.id);
    if (cursor === undefined) return;
    clearTimeout(cursor.timer);
    cursor.element.remove();
    this.#cursors.delete(peer.id);
  }

  #show(peer: Peer, data: unknown): void {
    const { x, y } = (typeof data === "object" && data !== null ? data : {}) as { x?: unknown; y?: unknown };
    if (typeof x !== "number" || typeof y !== "number" || !(x >= 0 && x <= 1 && y >= 0 && y <= 1)) return;
    const { name, hue } = this.#look(peer);
    const cursor = this.#cursors.get(peer.id) ?? this.#make(peer);
    cursor.name.textContent = name;
    cursor.element.className = `cursor hue-${hue}`;
    cursor.element.style.transform = `translate(${x * this.#stage.clientWidth}px, ${y * this.#stage.clientHeight}px)`;
    clearTimeout(cursor.timer);
    cursor.timer = setTimeout(() => cursor.element.classList.add("resting"), RESTS);
  }

  #make(peer: Peer): Cursor {
    const name = html("span");
    const element = html("div", { "data-testid": "cursor", "data-peer": peer.id }, name);
    const cursor: Cursor = { element, name, timer: undefined };
    this.#layer.append(element);
    this.#cursors.set(peer.id, cursor);
    return cursor;
  }
}
