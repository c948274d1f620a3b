/**
 * One session with its keys, its handshakes and its attempts: all that lives and dies together (S1).
 *
 * It puts the session's frames into packets and takes them out again. Whether a packet is to be believed, and when a
 * handshake is due, is for the link core to say.
 */

import { concatBytes } from "@noble/hashes/utils.js";
import { Frame, FrameError, FrameType, Lane, decodePacket, encodeFrame } from "../codec/frames.ts";
import { type SignalBody, decodeSignal, encodeSignal } from "../codec/payloads.ts";
import type { ValueMap } from "../codec/values.ts";
import type { Responder, TransportKeys } from "../noise.ts";
import type { Binding } from "./binding.ts";
import { DirectInstance, type Instance, type RelayInstance } from "./events.ts";
import { FIRST_FRAMES, type Handshakes, type Hello } from "./handshake.ts";
import type { Outgoing } from "./link-events.ts";
import type { Flight } from "./routing.ts";
import { type Key, KeyRing } from "./seal.ts";
import type { Session } from "./session.ts";

/** See the module. Without a key, the relay's frames wait for a handshake message that carries them. */
export class SealedSession {
  readonly binding: Binding;
  readonly handshakes: Handshakes;
  readonly session: Session;
  readonly keys = new KeyRing();
  /** The direct attempts that have opened in this session and have not ended. */
  readonly attempts = new Map<number, DirectInstance>();
  /** Frames that went with the last message 1, or wait for the next. */
  waiting: Flight[] = [];
  #relay: RelayInstance | null = null;

  constructor(binding: Binding, handshakes: Handshakes, session: Session) {
    this.binding = binding;
    this.handshakes = handshakes;
    this.session = session;
  }

  /** The key to seal with, if there is one that may still be used. */
  get key(): Key | null {
    const latest = this.keys.latest;
    return latest?.exhausted ? null : latest;
  }

  // ---- paths

  /** Go by this instance of the relay from now on, or by none. */
  useRelay(relay: RelayInstance | null, now: number): void {
    if (this.#relay !== null) {
      this.waiting = []; // the session itself sends again what went by a path that ended
      this.session.pathEnded(this.#relay, now);
    }
    this.#relay = relay;
    if (relay !== null) this.session.pathOpened(relay, now, this.key === null ? FIRST_FRAMES : null);
  }

  /** The server did not pass on what was in this packet. */
  refused(outgoing: Outgoing, code: string, now: number): void {
    this.waiting = this.waiting.filter((flight) => !outgoing.flights.includes(flight));
    for (const flight of outgoing.flights) this.session.refused(flight, code, now);
  }

  /** An attempt has opened. */
  directOpened(attempt: number, now: number): void {
    const instance = new DirectInstance(attempt);
    this.attempts.set(attempt, instance);
    this.session.pathOpened(instance, now);
  }

  /** An attempt has ended. */
  directEnded(attempt: number, now: number): void {
    this.attempts.delete(attempt);
    this.session.pathEnded(new DirectInstance(attempt), now);
  }

  // ---- receiving

  /** Frames have come. If they are none, the peer broke the protocol, for they were sealed (S10). */
  take(instance: Instance, packet: Uint8Array, now: number): void {
    let frames: Frame[];
    try {
      frames = decodePacket(packet);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.session.fail(error.message);
      return;
    }
    this.session.receive(instance, frames, now);
  }

  // ---- handshakes

  /** A message 1, with the frames that wait. Throws NoiseError if the peer's static key is impossible. */
  begin(): Outgoing {
    const [inside, frames] = fitting(this.waiting, this.handshakes.roomInFirst);
    return this.#outgoing(this.handshakes.begin(this.binding.halves(), frames, this.keys), inside);
  }

  /** Message 2 to the message 1 in `packet`, and what goes sealed beside it. The handshake is then complete. */
  answer(packet: Uint8Array, hello: Hello, responder: Responder, now: number): Outgoing[] {
    this.#confirm(hello, now);
    const flights = this.session.framesToSend(now);
    const [inside, frames] = fitting(flights, this.handshakes.roomInSecond);
    const [answer, keys] = this.handshakes.answer(packet, responder, this.binding.halves(), frames);
    this.keys.add(hello.keyId, keys, now);
    const beside = flights.filter((flight) => !inside.includes(flight));
    const out = [this.#outgoing(answer, inside)];
    this.#pack(beside, now, out);
    return out;
  }

  /** Message 2 has come: the handshake is complete. */
  finish(hello: Hello, keys: TransportKeys, now: number): void {
    this.#confirm(hello, now);
    this.keys.add(hello.keyId, keys, now);
  }

  /** The peer has our half, and we have its: what went with a message 1 and is not acknowledged yet is lost. */
  #confirm(hello: Hello, now: number): void {
    this.binding.bound = hello.halves.own;
    this.sendWaitingAgain(now);
    if (this.#relay !== null) this.session.pathConfirmed(this.#relay, now);
  }

  /** Another message 1 is to be sent: the session shall give out again what went with the last one. */
  sendWaitingAgain(now: number): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const flight of waiting) this.session.lost(flight, now);
  }

  // ---- sending

  /** Add what can go now to `out`. Without a key only direct packets; what is for the relay is added to `waiting`. */
  packetsToSend(now: number, out: Outgoing[]): void {
    this.#pack(this.session.framesToSend(now), now, out);
  }

  #pack(flights: readonly Flight[], now: number, out: Outgoing[]): void {
    if (flights.length === 0) return;
    const key = this.key;
    for (const flight of flights) {
      if (flight.instance.type === "direct") {
        const { attempt } = flight.instance;
        out.push({ attempt, lane: flight.lane, packet: flight.encode(), flights: [flight], session: this.session });
      } else if (key !== null && !key.exhausted) {
        out.push(this.#outgoing(key.seal(flight.encode()), [flight]));
      } else if (flight.frames.some((frame) => frame.type < FrameType.ACK)) {
        this.waiting.push(flight); // (control alone calls for no handshake)
      }
    }
    if (key?.exhausted) this.useRelay(this.#relay, now); // back to where a session begins: all goes in message 1
  }

  #outgoing(packet: Uint8Array, flights: readonly Flight[]): Outgoing {
    const lane = flights[0]?.lane ?? Lane.RELIABLE;
    return { attempt: null, lane, packet, flights, session: this.session };
  }

  // ---- signals (K5)

  /** The signal as a sealed packet; null without a key. */
  sealSignal(kind: string, attempt: number, payload: ValueMap): Uint8Array | null {
    const key = this.key;
    if (key === null) return null;
    const signal = encodeSignal(kind, attempt, payload);
    return key.seal(encodeFrame(new Frame(FrameType.SIGNAL, Lane.RELIABLE, false, 0, 0, signal)));
  }
}

/** Kind, attempt and payload of the signal that was sealed. Throws FrameError if it is anything else. */
export function readSignal(packet: Uint8Array): SignalBody {
  const [frame, ...others] = decodePacket(packet);
  if (frame?.type !== FrameType.SIGNAL || others.length) throw new FrameError("not a signal alone");
  return decodeSignal(frame.payload);
}

/** Those of the flights by the relay that fit into a handshake message, and their bytes. */
function fitting(flights: readonly Flight[], room: number): [inside: Flight[], frames: Uint8Array] {
  const inside: Flight[] = [];
  for (const flight of flights) {
    if (flight.instance.type === "relay" && flight.size <= room) {
      room -= flight.size;
      inside.push(flight);
    }
  }
  return [inside, concatBytes(...inside.map((flight) => flight.encode()))];
}
