/** One program of a simulation: a session, what drives it, and an application that checks what it is given. */

import { FrameType, HEADER_SIZE, Lane, decodePacket } from "../../src/codec/frames.ts";
import { type DirectInstance, type Event, type MessageReceived, type Outbound, RelayInstance } from "../../src/session/events.ts";
import { KIB, RULES, type Rules } from "../../src/session/rules.ts";
import type { Flight } from "../../src/session/routing.ts";
import { Session } from "../../src/session/session.ts";
import { Broken, type Clock, type Direct, type End, type Index, type Parcel, Rng } from "./network.ts";
import type { Weather } from "./weather.ts";

/** The protocol's rules with smaller windows: the same things happen with fewer bytes. */
export const SMALL: Rules = {
  ...RULES,
  chunk: 1_000,
  frameWindow: 512,
  reliableWindow: 32 * KIB,
  bulkWindow: 64 * KIB,
  bulkWindowMost: 64 * KIB,
  reliableMessage: 32 * KIB,
  bulkMessage: 128 * KIB,
  firstCredit: 4 * KIB,
  reliableCredit: 36 * KIB,
  bulkCredit: 144 * KIB,
  timeoutBurst: 8 * KIB,
  relayUnacked: 16 * KIB,
  relayUnackedLeast: 4 * KIB,
  relayUnackedMost: 64 * KIB,
  queueLeast: 2 * KIB,
  queueMost: 32 * KIB,
  relayQueueLeast: 8 * KIB,
  directPacket: 2 * KIB,
  relayPacket: 6 * KIB,
  ackBytes: 2 * KIB,
};

const blobRng = new Rng(7);
const BLOB = Uint8Array.from({ length: 256 * KIB }, () => 256 * blobRng.random());

/** What a message says: no two of a label are alike, wherever they are cut. */
export function content(label: string, number: number, size: number): Uint8Array {
  const start = (number * 37 + label.length) % 1_000;
  const payload = BLOB.slice(start, start + size);
  if (size >= 4) new DataView(payload.buffer).setUint32(0, number);
  return payload;
}

export function same(one: Uint8Array, two: Uint8Array): boolean {
  return Buffer.compare(one, two) === 0;
}

/** What goes by a path. */
export interface Flown extends Parcel {
  readonly flight: Flight;
}

/** Our direction of a channel. */
interface Outlet {
  readonly channel: number;
  readonly lane: Lane;
  readonly sizes: number[];
  closed: boolean;
}

/** The peer's direction of a channel, its messages handled one after another. */
interface Inlet {
  readonly label: string;
  readonly channel: number;
  readonly queue: MessageReceived[];
  received: number;
  count: number;
  listening: boolean;
}

/** One program: a session, and what drives it. */
export class Side implements End<Flown> {
  readonly index: Index;
  readonly clock: Clock;
  readonly session: Session;
  readonly outlets = new Map<string, Outlet>([["", { channel: 0, lane: Lane.RELIABLE, sizes: [], closed: false }]]);
  readonly inlets = new Map<string, Inlet>();
  readonly #byChannel = new Map<number, Inlet>();
  readonly flushes = new Map<number, Map<string, number>>();
  readonly #datagrams = new Set<string>();
  /** Messages are not handled. */
  lazy = false;
  #relay: RelayInstance | null = null;
  undelivered: Outbound[] = [];
  ended = false;
  #asleepUntil = 0;
  readonly #deferred: (() => void)[] = [];
  byeDone = false;
  #wakeAt = Infinity;
  /** Steps that the session has taken. */
  steps = 0;
  readonly arrivals: Record<"datagrams", number> = { datagrams: 0 };
  peer!: Side; // set when both are made
  weather!: Weather<Flown>; // likewise
  readonly #rules: Rules;

  constructor(index: Index, clock: Clock, rules: Rules = SMALL) {
    this.index = index;
    this.clock = clock;
    this.#rules = rules;
    this.session = new Session(clock.now, { rules });
    this.#inlet("", 0);
  }

  // ---- what the network calls

  /** Call now, or when this program wakes, in the order in which things happened. */
  #awake(call: () => void): void {
    if (this.clock.now < this.#asleepUntil) {
      this.#deferred.push(call);
    } else if (!this.ended) {
      call();
      this.turn();
    }
  }

  /** This program stalls. */
  sleep(time: number): void {
    this.#asleepUntil = Math.max(this.#asleepUntil, this.clock.now + time);
    this.clock.at(this.#asleepUntil, () => {
      if (this.clock.now >= this.#asleepUntil) for (const call of this.#deferred.splice(0)) this.#awake(call);
    });
  }

  arrived(instance: DirectInstance | null, packet: Uint8Array): void {
    this.#awake(() => {
      const found = instance ?? this.#relay;
      if (found !== null) this.session.receive(found, decodePacket(packet), this.clock.now);
    });
  }

  drained(): void {
    this.#awake(() => {});
  }

  directOpened(direct: Direct<Flown>): void {
    this.#awake(() => {
      if (direct.alive) this.session.pathOpened(direct.instance, this.clock.now);
    });
  }

  directEnded(instance: DirectInstance): void {
    this.#awake(() => this.session.pathEnded(instance, this.clock.now));
  }

  relayChanged(mine: number | null, theirs: number | null): void {
    this.#awake(() => {
      const relay = mine === null || theirs === null ? null : new RelayInstance(mine, theirs);
      if (relay?.key === this.#relay?.key) return;
      if (this.#relay !== null) this.session.pathEnded(this.#relay, this.clock.now);
      this.#relay = relay;
      if (relay !== null) this.session.pathOpened(relay, this.clock.now);
    });
  }

  refused({ flight }: Flown, code: string): void {
    this.#awake(() => this.session.refused(flight, code, this.clock.now));
  }

  // ---- driving the session

  /** Take the session's events, send what it gives, set the timer. */
  turn(): void {
    if (this.ended) return;
    this.steps += 1;
    this.#events();
    const now = this.clock.now;
    this.#tellWaiting(now);
    for (const flight of this.session.framesToSend(now)) this.#send(flight);
    this.#tellWaiting(now);
    this.#events();
    const due = this.session.nextTimeout();
    if (due !== null && due < this.#wakeAt) {
      const when = Math.max(due, now);
      this.#wakeAt = when;
      this.clock.at(when, () => this.#wake(when));
    }
  }

  #wake(when: number): void {
    if (when !== this.#wakeAt) return; // an earlier timer has taken this one's place
    this.#awake(() => {
      this.#wakeAt = Infinity;
      const due = this.session.nextTimeout();
      if (due !== null && due <= this.clock.now) this.session.handleTimeout(this.clock.now);
    });
  }

  #send(flight: Flight): void {
    const packet = flight.encode();
    const rules = this.#rules;
    const most = flight.instance.type === "relay" ? rules.relayPacket : rules.directPacket;
    const size = flight.frames.reduce((sum, frame) => sum + frame.payload.length + HEADER_SIZE, 0);
    if (flight.size !== packet.length || size !== packet.length || size > most) {
      throw new Broken(`a packet of ${packet.length} bytes that says ${flight.size}, at most ${most}`);
    }
    const flown = { flight, lane: flight.lane, packet };
    if (flight.instance.type === "direct") this.weather.attempts.get(flight.instance.attempt)?.send(this.index, flown);
    else if (flight.instance.key === this.#relay?.key) this.weather.relay.send(this.index, flown);
  }

  #tellWaiting(now: number): void {
    if (this.#relay !== null) this.session.pathWaiting(this.#relay, this.weather.relay.waiting(this.index), now);
    for (const { alive, instance, wires } of this.weather.attempts.values()) {
      if (alive) this.session.pathWaiting(instance, wires[this.index].waiting, now);
    }
  }

  #events(): void {
    for (let event = this.session.nextEvent(); event !== null; event = this.session.nextEvent()) this.#event(event);
  }

  #event(event: Event): void {
    switch (event.type) {
      case "MessageReceived":
        this.#message(event);
        break;
      case "ChannelOpened":
        if (event.lane !== Lane.DATAGRAM) this.#inlet(event.label, event.channel);
        break;
      case "DatagramReceived": {
        const name = `${event.channel} ${event.number}`;
        if (this.#datagrams.has(name)) throw new Broken("a datagram came twice");
        this.#datagrams.add(name);
        this.arrivals.datagrams += 1;
        break;
      }
      case "DirectAdopted":
        this.weather.adopted(event.attempt);
        break;
      case "Flushed":
        for (const [label, count] of this.flushes.get(event.mark) ?? []) {
          if ((this.peer.inlets.get(label)?.count ?? 0) < count) {
            throw new Broken(`a flush ended before ${label} was handled`);
          }
        }
        this.flushes.delete(event.mark);
        break;
      case "ByeDone":
        this.byeDone = true;
        this.clock.after(0.001, () => this.end());
        break;
      case "SessionFailed":
        throw new Broken(`an honest session failed: ${event.reason}`);
    }
  }

  // ---- the application

  /** Open our direction of a channel. */
  open(label: string, lane: Lane): void {
    if (this.ended || this.outlets.has(label)) return;
    this.outlets.set(label, { channel: this.session.open(label, lane), lane, sizes: [], closed: false });
    this.turn();
  }

  /** Send a message if there is room, as an application does. Whether it was sent. */
  send(label: string, size: number): boolean {
    const outlet = this.outlets.get(label);
    if (this.ended || outlet === undefined || outlet.closed) return false;
    if (!this.session.canSend(outlet.channel, size)) return false;
    const number = outlet.sizes.push(size) - 1;
    const payload = content(label, number, size);
    this.session.send(outlet.channel, FrameType.BYTES, payload, this.clock.now, `${label} ${number}`);
    this.turn();
    return true;
  }

  /** Send a datagram. */
  datagram(): void {
    const outlet = this.outlets.get("datagrams");
    if (this.ended || outlet === undefined) return;
    this.session.sendDatagram(outlet.channel, FrameType.BYTES, content("datagrams", 0, 3), this.clock.now);
    this.turn();
  }

  /** Close our direction of a channel. */
  closeChannel(label: string): void {
    const outlet = this.outlets.get(label);
    if (this.ended || outlet === undefined || outlet.closed) return;
    outlet.closed = true;
    this.session.closeChannel(outlet.channel, this.clock.now);
    this.turn();
  }

  #inlet(label: string, channel: number): void {
    const inlet = { label, channel, queue: [], received: 0, count: 0, listening: false };
    this.inlets.set(label, inlet);
    this.#byChannel.set(channel, inlet);
    if (!this.lazy) this.#listen(inlet);
  }

  #listen(inlet: Inlet): void {
    inlet.listening = true;
    this.session.listen(inlet.channel, this.clock.now);
  }

  #message(event: MessageReceived): void {
    const inlet = this.#byChannel.get(event.channel);
    const sent = inlet && this.peer.outlets.get(inlet.label);
    const size = inlet && sent?.sizes[inlet.received];
    if (inlet === undefined || size === undefined || !same(event.payload, content(inlet.label, inlet.received, size))) {
      throw new Broken(`side ${this.index}, channel ${inlet?.label}: message ${inlet?.received} is another one`);
    }
    inlet.received += 1;
    inlet.queue.push(event);
    if (!this.lazy) this.#serve(inlet);
  }

  #serve(inlet: Inlet): void {
    for (const event of inlet.queue.splice(0)) {
      inlet.count += 1;
      this.session.handled(event.channel, event.charge, this.clock.now);
    }
  }

  /** Listen to everything and handle what waits, or neither from now on. */
  setLazy(lazy: boolean): void {
    this.lazy = lazy;
    if (lazy || this.ended) return;
    for (const inlet of this.inlets.values()) {
      if (!inlet.listening) this.#listen(inlet);
      this.#serve(inlet);
    }
    this.turn();
  }

  /** Wait until everything sent so far is handled; checked when it ends. */
  flush(): void {
    if (this.ended) return;
    const counts = new Map([...this.outlets].map(([label, outlet]) => [label, outlet.sizes.length]));
    this.flushes.set(this.session.flush(this.clock.now), counts);
    this.turn();
  }

  /** Send our bye; give up after 5 s. */
  close(): void {
    this.session.close(this.clock.now);
    this.turn();
    this.clock.after(5, () => this.end());
  }

  /** The session is over. */
  end(): void {
    if (this.ended) return;
    this.turn();
    this.ended = true;
    this.undelivered = this.session.end();
  }

  /** What was sent and is not handled by the peer. */
  *pending(): Generator<string> {
    for (const [label, { sizes, lane }] of this.outlets) {
      const handled = this.peer.inlets.get(label)?.count ?? 0;
      if (lane !== Lane.DATAGRAM) {
        for (let number = handled; number < sizes.length; number++) yield `${label} ${number}`;
      }
    }
  }
}
