import { now } from "../clock.ts";
import { Lane } from "../codec/frames.ts";
import type { ChannelOpened, DatagramReceived, MessageReceived } from "../session/events.ts";
import type { LinkCore } from "../session/link-core.ts";
import { DEFAULT, type Key, keyOf, laneOf, type Received } from "./received.ts";

/** What inlets tell. */
export interface InletCallbacks {
  readonly onMessage: (received: Received) => void;
  /** The peer opened its direction of a channel, or sends no more on it. */
  readonly onChannel: (key: Key, open: boolean) => void;
  /** There is something for the link to do. */
  readonly changed: (time: number) => void;
  /** A message has been handled: the next acknowledgement tells it. */
  readonly handled: (time: number) => void;
}

/** The receiving side of a link's channels: which number is which channel, and what has been listened to and handled. */
export class Inlets {
  readonly #core: LinkCore;
  readonly #callbacks: InletCallbacks;
  #keys = new Map<number, Key>([[0, DEFAULT]]);
  readonly #listening = new Set<Key>();
  #epoch = 0;

  constructor(core: LinkCore, callbacks: InletCallbacks) {
    this.#core = core;
    this.#callbacks = callbacks;
  }

  /** Another session: its channels have other numbers, and what is listened to is told to it. */
  renew(): void {
    this.#epoch += 1;
    this.#keys = new Map([[0, DEFAULT]]);
    if (this.#listening.has(DEFAULT)) this.#core.session.listen(0, now());
  }

  /** Somebody listens on this channel from now on: the peer gets credit for whole messages. */
  listen(key: Key): void {
    this.#listening.add(key);
    if (laneOf(key) === Lane.DATAGRAM) return;
    for (const [number, other] of this.#keys) {
      if (other === key) {
        const time = now();
        this.#core.session.listen(number, time);
        this.#callbacks.changed(time);
      }
    }
  }

  /** The application has handled a message; its credit goes back to the peer. */
  handled(received: Received): void {
    if (received.epoch === this.#epoch && received.charge > 0) {
      const time = now();
      this.#core.session.handled(received.number, received.charge, time);
      this.#callbacks.handled(time);
    }
  }

  /** A message of the reliable or the bulk lane. */
  message(event: MessageReceived): void {
    const { channel, kind, payload, path, charge } = event;
    const key = this.#keys.get(channel);
    if (key === undefined) return;
    this.#callbacks.onMessage({ key, kind, payload, path, number: channel, charge, epoch: this.#epoch });
  }

  /** A datagram. Its number tells older ones; nothing is charged for it. */
  datagram(event: DatagramReceived): void {
    const { channel, kind, payload, path, number } = event;
    const key = this.#keys.get(channel);
    if (key === undefined) return;
    this.#callbacks.onMessage({ key, kind, payload, path, number, charge: 0, epoch: this.#epoch });
  }

  /** The peer opened its direction of a channel. */
  opened(event: ChannelOpened): void {
    const key = keyOf(event.label, event.lane);
    this.#keys.set(event.channel, key);
    if (this.#listening.has(key) && laneOf(key) !== Lane.DATAGRAM) this.#core.session.listen(event.channel, now());
    this.#callbacks.onChannel(key, true);
  }

  /** The peer sends no more on a channel. What it sent may still wait to be handled. */
  closed(number: number): void {
    const key = this.#keys.get(number);
    if (key !== undefined) this.#callbacks.onChannel(key, false);
  }
}
