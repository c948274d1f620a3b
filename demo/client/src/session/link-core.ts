/**
 * The core of a link: which session is current, when a handshake is due, and what is believed (S1, S2, K1 to K5).
 *
 * No input or output, no clock, no randomness of its own: whoever drives it hands them in.
 */

import { FrameError, Lane } from "../codec/frames.ts";
import type { SignalBody } from "../codec/payloads.ts";
import type { ValueMap } from "../codec/values.ts";
import { NoiseError, type PrivateKey, type Responder } from "../noise.ts";
import { Binding, type EndedHalves } from "./binding.ts";
import type { Budget } from "./credit.ts";
import { type Outbound, RelayInstance } from "./events.ts";
import {
  FIRST,
  HINT,
  HandshakeError,
  Handshakes,
  type Hello,
  type Me,
  type Random,
  type Remote,
  SECOND,
  Schedule,
  encodeHint,
  keyIdOf,
} from "./handshake.ts";
import type { LinkEvent, Outgoing } from "./link-events.ts";
import { Queue } from "./queue.ts";
import type { Rules } from "./rules.ts";
import { SEALED, SealError, WrongKey } from "./seal.ts";
import { SealedSession, readSignal } from "./sealed.ts";
import { Session } from "./session.ts";

/** Seconds between hints: whatever comes under unknown keys costs us no more than that. */
const HINT_EVERY = 1;

/** What a link core is made of. */
export interface LinkCoreOptions {
  readonly room: string;
  readonly me: Me;
  readonly peer: Remote;
  readonly ended: EndedHalves;
  /** Numbers all sessions of a Client, from 1. */
  readonly nextNumber: () => number;
  readonly random: Random;
  readonly settings: ValueMap;
  readonly rules: Rules;
  readonly budget: Budget | null;
  /** Seconds, monotonic. */
  readonly now: number;
  /** Gives keys that were made ahead of time; without it they are made of `random`. */
  readonly ephemeral?: (() => PrivateKey) | null;
}

/** A message 1 that was taken, and whose message 2 is still to be written. */
interface Unanswered {
  readonly current: SealedSession;
  readonly packet: Uint8Array;
  readonly hello: Hello;
  readonly responder: Responder;
}

/** One link. `now` is in seconds and monotonic. */
export class LinkCore {
  readonly #options: LinkCoreOptions;
  readonly #peer: Remote;
  #me: Me;
  #now: number;
  /** What the peer said in its latest handshake message. */
  peerSettings: ValueMap = {};
  /** Packets that were dropped, by reason. */
  readonly drops = new Map<string, number>();
  readonly #schedule = new Schedule();
  readonly #events = new Queue<LinkEvent>();
  #out: Outgoing[] = [];
  #relay: RelayInstance | null = null;
  #lastHint = -Infinity;
  #unanswered: Unanswered | null = null;
  #current: SealedSession;

  constructor(options: LinkCoreOptions) {
    this.#options = options;
    this.#me = options.me;
    this.#peer = options.peer;
    this.#now = options.now;
    this.#current = this.#newSession(options.now);
  }

  #newSession(now: number): SealedSession {
    const { room, ended, nextNumber, settings, random, ephemeral, rules, budget } = this.#options;
    const [me, peer] = [this.#me, this.#peer];
    const own = { incarnation: me.incarnation, number: nextNumber() };
    const binding = new Binding(own, ended.get(room, peer.id));
    const handshakes = new Handshakes(room, me, peer, settings, random, ephemeral);
    return new SealedSession(binding, handshakes, new Session(now, { rules, budget }));
  }

  /** The current session; another one after SessionEnded. */
  get session(): Session {
    return this.#current.session;
  }

  /** Whether the current session has met its other half. */
  get bound(): boolean {
    return this.#current.binding.bound !== null;
  }

  /** My statement has changed, with my profile. */
  setStatement(statement: Uint8Array): void {
    this.#me = this.#current.handshakes.me = { ...this.#me, statement };
  }

  /** Begin a handshake though nothing is to be sent yet. */
  start(now: number): void {
    if (this.#current.key === null) this.#schedule.want(now);
  }

  // ---- the paths

  /**
   * My connection to the server, or the peer's, is another one; null: there is none at present.
   *
   * Returns whether this begins a relay instance: there was none, or another one.
   */
  relayChanged(mine: number | null, theirs: number | null, now: number): boolean {
    this.#answer(now);
    const relay = mine === null || theirs === null ? null : new RelayInstance(mine, theirs);
    if (relay?.key === this.#relay?.key) return false;
    this.#relay = relay;
    this.#current.useRelay(relay, now);
    this.#schedule.hurry(now);
    return relay !== null;
  }

  /** So many bytes that went by the relay are not acknowledged by the server. */
  relayWaiting(waiting: number, now: number): void {
    if (this.#relay !== null) this.session.pathWaiting(this.#relay, waiting, now);
  }

  /** The server did not pass the packet on. */
  relayRefused(outgoing: Outgoing, code: string, now: number): void {
    if (outgoing.session === this.session) this.#current.refused(outgoing, code, now);
  }

  /** An attempt of this session has opened. */
  directOpened(attempt: number, now: number): void {
    this.#current.directOpened(attempt, now);
  }

  /** So many bytes wait in the send buffer of a direct path. */
  directWaiting(attempt: number, waiting: number, now: number): void {
    const instance = this.#current.attempts.get(attempt);
    if (instance !== undefined) this.session.pathWaiting(instance, waiting, now);
  }

  /** A direct path has ended. */
  directEnded(attempt: number, now: number): void {
    this.#current.directEnded(attempt, now);
  }

  // ---- receiving

  /** A packet came by a direct path. */
  receiveDirect(attempt: number, packet: Uint8Array, now: number): void {
    this.#now = now;
    const instance = this.#current.attempts.get(attempt);
    if (instance === undefined) this.#drop("ended path");
    else this.#current.take(instance, packet, now);
  }

  /** A packet came by the relay. */
  receiveRelay(packet: Uint8Array, now: number): void {
    this.#now = now;
    this.#answer(now);
    const relay = this.#relay;
    if (relay === null) {
      this.#drop("no relay");
      return;
    }
    try {
      switch (packet[0]) {
        case SEALED: {
          const frames = this.#open(packet, now);
          if (frames !== null) this.#current.take(relay, frames, now);
          break;
        }
        case FIRST:
          this.#receiveFirst(packet, relay, now);
          break;
        case SECOND:
          this.#receiveSecond(packet, relay, now);
          break;
        case HINT:
          this.#receiveHint(packet, now);
          break;
        default:
          this.#drop("unknown kind");
      }
    } catch (error) {
      if (!(error instanceof HandshakeError)) throw error;
      this.#drop(error.reason);
    }
  }

  /** Kind, attempt and payload of a sealed signal (K5). null if it is none of this session, or a copy. */
  receiveSignal(packet: Uint8Array, now: number): SignalBody | null {
    this.#now = now;
    this.#answer(now);
    const opened = this.#open(packet, now);
    if (opened === null) return null;
    try {
      return readSignal(opened);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#drop("no signal");
      return null;
    }
  }

  #drop(reason: string): void {
    this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1);
  }

  /** What was sealed; null if it does not open, and then a hint may be due. */
  #open(packet: Uint8Array, now: number): Uint8Array | null {
    try {
      return this.#current.keys.open(packet);
    } catch (error) {
      if (!(error instanceof SealError)) throw error;
      this.#drop(error.reason);
      if (error instanceof WrongKey && now - this.#lastHint >= HINT_EVERY) {
        this.#lastHint = now;
        const hint = encodeHint(error.keyId);
        this.#out.push({ attempt: null, lane: Lane.RELIABLE, packet: hint, flights: [], session: this.session });
      }
      return null;
    }
  }

  #receiveHint(packet: Uint8Array, now: number): void {
    const latest = this.#current.keys.latest;
    if (latest !== null && keyIdOf(packet) === latest.id) this.#schedule.wantSoon(now);
    else this.#drop("hint"); // about a key that we do not seal with (any more): nothing follows from it
  }

  /** S2 for message 1, in the order in which it is written there. */
  #receiveFirst(packet: Uint8Array, relay: RelayInstance, now: number): void {
    const [hello, responder] = this.#current.handshakes.readFirst(packet);
    if (this.#current.keys.has(hello.keyId)) {
      // Not covered by the seal: a server that gives it the number of a key in use would make us forget that key.
      throw new HandshakeError("key id in use");
    }
    const said = hello.halves;
    if (this.#current.binding.isImpossible(said)) throw new HandshakeError("impossible half");
    if (this.#current.binding.isOver(said)) this.#restart("the peer has ended the session", now);
    const current = this.#current;
    const binding = current.binding;
    if (binding.isStale(said) || binding.isElsewhere(said)) {
      this.#schedule.wantSoon(now);
      throw new HandshakeError("stranger");
    }
    const { room, ended } = this.#options;
    if (!binding.answersAnother(said) || !ended.mayHaveForgotten(room, this.#peer.id)) {
      current.take(relay, hello.frames, now); // else they may be a copy; if not, they come again after message 2
    }
    binding.bound = said.own;
    this.#completes(hello.settings);
    this.#unanswered = { current, packet, hello, responder };
  }

  /** Write the message 2 that is due. It waits for the end of a turn: what message 1 carried comes first. */
  #answer(now: number): void {
    if (this.#unanswered === null) return;
    const { current, packet, hello, responder } = this.#unanswered;
    this.#unanswered = null;
    this.#out.push(...current.answer(packet, hello, responder, now));
  }

  /** S2 for message 2, in the order in which it is written there. */
  #receiveSecond(packet: Uint8Array, relay: RelayInstance, now: number): void {
    const current = this.#current;
    const binding = current.binding;
    const [hello, keys] = current.handshakes.readSecond(packet);
    const said = hello.halves;
    if (binding.answersAnother(said)) throw new HandshakeError("another session's answer");
    if (binding.isImpossible(said)) throw new HandshakeError("impossible half");
    if (binding.isOver(said)) {
      this.#restart("the peer has ended the session", now);
      this.#schedule.want(now);
      return;
    }
    if (binding.isStale(said)) throw new HandshakeError("stranger");
    current.take(relay, hello.frames, now);
    this.#completes(hello.settings);
    current.finish(hello, keys, now);
  }

  /** A handshake is about to be complete. */
  #completes(settings: ValueMap): void {
    this.peerSettings = settings;
    this.#schedule.done();
    if (this.#current.key === null) this.#events.push({ type: "Ready" });
  }

  // ---- sending

  /** The signal as a sealed packet (K5). null: there is no key yet; a handshake begins, and ends with Ready. */
  sealSignal(kind: string, attempt: number, payload: ValueMap, now: number): Uint8Array | null {
    this.#answer(now);
    this.start(now);
    return this.#current.sealSignal(kind, attempt, payload);
  }

  /** Everything that can go now. */
  packetsToSend(now: number): Outgoing[] {
    this.#now = now;
    this.#answer(now);
    const current = this.#current;
    const key = current.key;
    const due = this.#isDue(now);
    if (key !== null) {
      current.packetsToSend(now, this.#out);
      if (key.exhausted || key.needsRenewal(now)) this.#schedule.want(now);
    } else if (due || this.#schedule.due === null || current.attempts.size) {
      if (due) current.sendWaitingAgain(now);
      current.packetsToSend(now, this.#out);
      if (current.waiting.length) this.#schedule.want(now);
    }
    if (this.#isDue(now)) {
      this.#schedule.sent(now);
      try {
        this.#out.push(current.begin());
      } catch (error) {
        if (!(error instanceof NoiseError)) throw error;
        this.#drop("bad handshake"); // the peer's static key is of small order: nobody can talk to it
      }
    }
    const out = this.#out;
    this.#out = [];
    return out;
  }

  #isDue(now: number): boolean {
    const due = this.#schedule.due;
    return this.#relay !== null && due !== null && now >= due;
  }

  // ---- sessions end

  /** End the session and begin the next (S1). */
  #restart(reason: string, now: number): void {
    // What was received before the end is still handled.
    for (let event = this.session.nextEvent(); event !== null; event = this.session.nextEvent()) {
      this.#events.push(event);
    }
    const attempts = [...this.#current.attempts.keys()].sort((one, other) => one - other);
    for (const attempt of attempts) this.#events.push({ type: "DirectEnded", attempt });
    this.#events.push({ type: "SessionEnded", undelivered: this.end(now), reason });
    this.#current = this.#newSession(now);
    this.#current.useRelay(this.#relay, now);
    this.#events.push({ type: "SessionStarted" });
  }

  /** End the session for good: after `bye`, or when the peer has left. Returns what was not acknowledged. */
  end(_now: number): Outbound[] {
    const bound = this.#current.binding.bound;
    if (bound !== null) this.#options.ended.discard(this.#options.room, this.#peer.id, bound);
    this.#unanswered = null;
    this.#schedule.done();
    return this.session.end();
  }

  // ---- time and events

  /** When `handleTimeout` and `packetsToSend` are to be called at the latest. */
  nextTimeout(): number | null {
    let due = this.session.nextTimeout();
    if (this.#relay !== null) {
      const handshake = this.#schedule.due ?? this.#current.key?.renewAt ?? null;
      if (handshake !== null && (due === null || handshake < due)) due = handshake;
    }
    return due;
  }

  /** The time has come; what is due is sent by `packetsToSend`. */
  handleTimeout(now: number): void {
    this.#now = now;
    this.#answer(now);
    this.session.handleTimeout(now);
  }

  /** What happened, in order; null: nothing more. */
  nextEvent(): LinkEvent | null {
    const waiting = this.#events.shift();
    if (waiting !== undefined) return waiting;
    const event = this.session.nextEvent();
    if (event?.type === "SessionFailed") this.#restart(`the peer broke the protocol: ${event.reason}`, this.#now);
    return event;
  }
}
