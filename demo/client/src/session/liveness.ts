/**
 * What one side knows of one path: round trip, rate, when it was last heard and last proved (rule S7).
 *
 * *Proof* is a pong to a ping sent on the path, or an acknowledgement that arrived on it and covers frames sent on it.
 * Just hearing the peer proves only that its direction works.
 */

import { Queue } from "./queue.ts";
import type { Rules } from "./rules.ts";

export const NEVER = -Infinity;

/** The longest of the times noted in the last while: a queue whose values fall from its head on. */
export class Longest {
  readonly #keep: number;
  readonly #noted = new Queue<{ readonly at: number; readonly value: number }>();

  constructor(keep: number) {
    this.#keep = keep;
  }

  /** Remember `value`. */
  note(value: number, now: number): void {
    const noted = this.#noted;
    for (let last = noted.last; last !== undefined && last.value <= value; last = noted.last) noted.pop();
    noted.push({ at: now, value });
    for (let first = noted.first; first !== undefined && first.at < now - this.#keep; first = noted.first) noted.shift();
  }

  /** The longest, or null if nothing has been noted yet. */
  get value(): number | null {
    return this.#noted.first?.value ?? null;
  }
}

/** The clocks of one path instance. */
export class Liveness {
  readonly rules: Rules;
  srtt: number | null = null;
  /** The shortest round trip of a frame. */
  least: number | null = null;
  /** The shortest of any, pings' too. */
  shortest: number | null = null;
  /** Bytes a second that were acknowledged, at best in the last seconds. */
  rate = 0;
  readonly begun: number;
  heard: number;
  proof: number;
  /** The oldest moment from which an answer is due, or null if nothing waits for one. */
  asked: number | null = null;
  /** Bytes of frames sent by this instance and not acknowledged. */
  inFlight = 0;
  /** Bytes of frames sent by this instance and acknowledged, ever. */
  done = 0;
  readonly pings = new Map<number, number>();
  lastPing = NEVER;
  datagramAt: number | null = null;
  suspect = false;
  since = NEVER;
  /** When it was trusted again. */
  trusted = NEVER;
  pongs = 0;
  suspectedSilence: number | null = null;
  suspectedProof: number | null = null;
  #rateAt = NEVER;
  readonly #silences: Longest;
  readonly #unproved: Longest;

  constructor(rules: Rules, now: number) {
    this.rules = rules;
    this.begun = this.heard = this.proof = now;
    this.#silences = new Longest(rules.learnedFor);
    this.#unproved = new Longest(rules.learnedFor);
  }

  /** Something that the peer will answer was sent. */
  sent(now: number): void {
    if (this.asked === null) this.asked = now;
  }

  /** Something arrived by this path. */
  hear(now: number): void {
    if (this.suspect) {
      // The silence that made us suspicious ends well after all: the next one may be as long.
      if (this.suspectedSilence !== null) {
        this.#silences.note(now - this.suspectedSilence, now);
        this.suspectedSilence = null;
      }
    } else if (this.asked !== null) {
      this.#silences.note(now - Math.max(this.asked, this.heard), now);
    }
    this.heard = now;
  }

  /** The peer has shown that what we send by this path arrives. */
  prove(now: number): void {
    if (this.suspect) {
      if (this.suspectedProof !== null) {
        this.#unproved.note(now - this.suspectedProof, now);
        this.suspectedProof = null;
      }
    } else if (this.asked !== null) {
      this.#unproved.note(now - Math.max(this.asked, this.proof), now);
    }
    this.proof = now;
    this.asked = this.inFlight > 0 || this.pings.size || this.datagramAt !== null ? now : null;
  }

  /** Frames were acknowledged, by whatever path. `prove` or `quieten` comes next. */
  released(cost: number): void {
    this.inFlight -= cost;
    this.done += cost;
  }

  /** Forget the question if nothing waits for an answer any more. */
  quieten(): void {
    if (this.inFlight <= 0 && !this.pings.size && this.datagramAt === null) this.asked = null;
  }

  /** A round trip was measured. */
  sample(rtt: number): void {
    this.shortest = this.shortest === null ? rtt : Math.min(rtt, this.shortest);
    this.srtt = this.srtt === null ? rtt : this.srtt + (rtt - this.srtt) / 8;
  }

  /** A frame sent once, by this path alone, was acknowledged on it: a round trip and a rate. */
  measured(sent: number, doneBefore: number, now: number): void {
    const rtt = now - sent;
    this.sample(rtt);
    if (this.least === null || rtt < this.least) this.least = rtt;
    const rate = (this.done - doneBefore) / Math.max(1e-3, rtt);
    if (rate > this.rate || now - this.#rateAt > 5) {
      this.rate = rate;
      this.#rateAt = now;
    }
  }

  /** A ping goes out. */
  ping(number: number, now: number): void {
    const pings = this.pings;
    pings.set(number, now);
    if (pings.size > this.rules.pongsMost) deleteFirst(pings);
    this.lastPing = now;
    if (!this.suspect) this.sent(now);
  }

  /** A pong came in; when its ping was sent, or null for a pong to nothing. Pings before it were lost. */
  pong(number: number, now: number): number | null {
    const pings = this.pings;
    const sent = pings.get(number);
    if (sent === undefined) return null;
    pings.delete(number);
    for (const older of pings.keys()) if (older < number) pings.delete(older);
    this.sample(now - sent);
    if (this.datagramAt !== null && sent >= this.datagramAt) this.datagramAt = null;
    this.prove(now);
    return sent;
  }

  /** A timer came `by` seconds late: our own program stalled, which is not the peer's silence. */
  late(by: number, now: number): void {
    const asked = this.asked ?? NEVER;
    this.heard = Math.min(now, Math.max(asked, this.heard) + by);
    this.proof = Math.min(now, Math.max(asked, this.proof) + by);
  }

  /** How long a silence is nothing unusual this far away; a time without proof, twice as long. */
  #far(): number {
    return this.rules.farRtts * (this.shortest ?? 0);
  }

  /** How long a silence, and how long a time without proof, may be learned. */
  #most(): [silence: number, noProof: number] {
    const far = this.#far();
    return [Math.max(this.rules.silenceMost, far), Math.max(this.rules.noProofMost, 2 * far)];
  }

  /** How long a silence, and how long a time without proof, is not yet suspicious once the path is not new. */
  patience(): [silence: number, noProof: number] {
    const rules = this.rules;
    const [silenceMost, noProofMost] = this.#most();
    const unlearned = rules.unlearnedRtts * (this.srtt ?? rules.unknownRtt);
    let longest = this.#silences.value;
    let learned = longest === null ? unlearned : Math.min(silenceMost, rules.learnedFactor * longest);
    let silence = Math.max(rules.silence, learned);
    longest = this.#unproved.value;
    learned = longest === null ? unlearned : Math.min(noProofMost, rules.learnedFactor * longest);
    let noProof = Math.max(rules.noProof, learned);
    if (this.inFlight > rules.full) {
      // What bulk has overfilled loses much at once, and its transport says nothing before its own timer has run out.
      // That comes too seldom to be learned.
      const far = this.#far();
      silence = Math.max(silence, far);
      noProof = Math.max(noProof, 2 * far);
    }
    return [silence, noProof];
  }

  /** When this path becomes suspect if nothing more is heard; null while nothing is asked. */
  suspiciousAt(): number | null {
    const asked = this.asked;
    if (asked === null) return null;
    const heard = Math.max(asked, this.heard);
    const proof = Math.max(asked, this.proof);
    let [silence, noProof] = this.patience();
    const fresh = this.begun + this.rules.newRtts * (this.shortest ?? 0);
    // A transport begins slowly, and in a network that is full it loses its first packets.
    const [silenceMost, noProofMost] = this.#most();
    if (heard < fresh) silence = Math.max(silence, silenceMost);
    if (proof < fresh) noProof = Math.max(noProof, noProofMost);
    return Math.min(heard + silence, proof + noProof);
  }

  /** When a ping is due because what is outstanding lacks proof; null while nothing is asked. */
  unprovedAt(): number | null {
    if (this.asked === null) return null;
    const rules = this.rules;
    const wait = Math.max(rules.pingUnproved, rules.pingUnprovedRtts * (this.srtt ?? 0));
    return Math.max(this.asked, this.proof, this.lastPing) + wait;
  }

  /** Suspect this path from now on. */
  doubt(now: number): void {
    const asked = this.asked ?? now;
    this.suspectedSilence = Math.max(asked, this.heard);
    this.suspectedProof = Math.max(asked, this.proof);
    this.suspect = true;
    this.since = now;
    this.pongs = 0;
    this.pings.clear();
  }

  /** Suspect it no longer. */
  trust(now: number): void {
    this.suspect = false;
    this.heard = this.proof = this.trusted = now;
    this.asked = null;
    this.pings.clear();
  }
}

/** Delete what was put into a map first. */
export function deleteFirst<K>(map: Map<K, unknown> | Set<K>): void {
  for (const key of map.keys()) {
    map.delete(key);
    return;
  }
}
