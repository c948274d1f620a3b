/**
 * The core of S9. The side with the lower id offers, so there is no glare; each attempt is a fresh connection.
 *
 *     phase        the offering side waits for    the answering side waits for
 *     (none)       the time of the next try       an `offer`, asking by `request`
 *     DESCRIBING   `offerReady`                   `answerReady`
 *     OFFERED      an `answer`
 *     CONNECTING   `opened`                       `opened`
 *     OPEN         `adopted`                      `adopted`
 *
 * `adopted` makes an attempt the live one, and only then is the one before it abandoned. `ended` and the deadline lead
 * back to (none), and to another try after a while.
 */

import type { SignalKind } from "../protocol/events.ts";
import { Attempt, DEADLINE, GRACE, Overtakers, type Phase } from "./attempt.ts";
import type { Candidate, Description, NegotiationEvent } from "./events.ts";
import { AGAIN, Allowance, DOUBT, PATIENCE, type Random, RETRY, Retry, STEADY } from "./retry.ts";
import { candidateOf, hashOf, isAttempt, isCandidate, isDescription, isPayload, NO_MORE, type Request } from "./signals.ts";

/** The attempts of one link. Any call that takes `now` (seconds) may leave events for `nextEvent`. */
export class Negotiation {
  /** The live path is suspect, and has not answered since. */
  silent = false;
  /** Attempts, in all sessions. */
  begun = 0;
  /** How often signals of the peer's were dropped, by reason. */
  readonly ignored = new Map<string, number>();
  readonly #offers: boolean;
  #allowed = false;
  #wanted = false;
  #unreachable = false;
  /** Number of the last attempt made or seen in this session. */
  #last = 0;
  #current: Attempt | null = null;
  #live: number | null = null;
  #liveSince: number;
  readonly #retry: Retry;
  readonly #allowance: Allowance;
  readonly #overtakers = new Overtakers();
  readonly #events: NegotiationEvent[] = [];

  constructor({ offers, random, now }: { offers: boolean; random: Random; now: number }) {
    this.#offers = offers;
    this.#liveSince = now;
    this.#retry = new Retry(random, now);
    this.#allowance = new Allowance(now);
  }

  /** The attempt whose path is in use. */
  get live(): number | null {
    return this.#live;
  }

  /** The attempt under way, perhaps beside a live one. */
  get inProgress(): number | null {
    return this.#current?.number ?? null;
  }

  // ---- what the owner wishes

  /** Whether both sides allow direct paths. When they don't any more, those that there are go. */
  setAllowed(allowed: boolean, now: number): void {
    if (allowed === this.#allowed) return;
    this.#allowed = allowed;
    if (allowed) {
      this.#trySoon(now);
    } else {
      this.#abandonAll("direct paths are not allowed");
      this.#retry.at = null;
    }
  }

  /** Get a direct path, and another one whenever it ends. */
  want(now: number): void {
    this.#wanted = true;
    if (this.#retry.at === null) this.#trySoon(now);
  }

  /** Something was sent or received on this link. */
  traffic(now: number): void {
    this.#retry.traffic(now);
  }

  /** A new session: the paths of the old one go with it, and attempts are numbered from 1 again. */
  reset(now: number): void {
    this.#abandonAll("the session ended");
    this.#overtakers.clear();
    this.#last = 0;
    this.#retry.succeeded(now);
    // Not at once: an end of the old attempt 1 that is still to be told must not be taken for one of the new.
    this.#tryAgain(now);
  }

  /** Signals do not get through, until `reachable`: whatever were tried would be in vain. */
  unreachable(): void {
    this.#unreachable = true;
    this.#retry.at = null;
  }

  /**
   * Signals get through, after a time in which they did not: what was tried meanwhile was in vain.
   *
   * It counts as one of the attempts that a peer may bring about, since its coming and going leads here.
   */
  reachable(now: number): void {
    this.#unreachable = false;
    if (!this.#wanted) return;
    if (!this.#allowance.take(now)) {
      if (this.#retry.at === null && this.#lacksPath()) this.#retry.soon(now, RETRY);
      return;
    }
    this.#retry.succeeded(now);
    const current = this.#current;
    if (current?.phase === "DESCRIBING" || current?.phase === "OFFERED") {
      this.#abandon(current.number, "its signals were lost");
      this.#current = null;
    } else if (current?.phase === "CONNECTING") {
      current.hurry(now);
    }
    this.#tryAgain(now);
  }

  // ---- what the connection tells

  /** Our offer can leave. */
  offerReady(attempt: number, description: Description, now: number): void {
    const current = this.#at(attempt, "DESCRIBING");
    if (current === null || !this.#offers) return;
    current.offerHash = hashOf(description);
    current.phase = "OFFERED";
    current.description = description;
    current.said(now);
    this.#say(current, "offer");
  }

  /** The offer has been taken, and our answer can leave. */
  answerReady(attempt: number, description: Description, _now: number): void {
    const current = this.#at(attempt, "DESCRIBING");
    if (current === null || this.#offers) return;
    current.phase = "CONNECTING";
    current.description = { ...description, offer: current.offerHash };
    this.#say(current, "answer");
    this.#takeCandidates(current);
  }

  /** Another candidate of ours; null: there are no more. */
  candidateFound(attempt: number, candidate: Candidate, _now: number): void {
    const current = this.#current;
    if (current === null || current.number !== attempt || current.phase === "OPEN") return;
    current.ours.put(candidate);
    if (current.phase !== "DESCRIBING") this.#sendCandidates(current, current.ours.take());
  }

  /** The connection is open. It is adopted when the session has had an answer on it. */
  opened(attempt: number, _now: number): void {
    const current = this.#at(attempt, "CONNECTING");
    if (current !== null) current.phase = "OPEN";
  }

  /** The peer has answered on the new path: it is the live one now. */
  adopted(attempt: number, now: number): void {
    if (this.inProgress !== attempt) return;
    this.#current = null;
    if (this.#live !== null) this.#abandon(this.#live, `attempt ${attempt} has taken over`);
    this.#live = attempt;
    this.#liveSince = now;
    this.silent = false;
    this.#retry.at = null;
  }

  /**
   * The session suspects the live path: if it stays silent for a while, another one is tried beside it.
   *
   * What has changed for good (an address, a router's memory, a TURN server) brings no old path back, and ICE takes
   * 30 s to give one up (RFC 7675).
   */
  suspected(attempt: number, now: number): void {
    if (attempt !== this.#live) return;
    this.silent = true;
    if (now - this.#liveSince >= STEADY) this.#retry.lost(now);
    if (this.#lacksPath()) this.#retry.soon(now, DOUBT);
  }

  /** A path that was suspect has answered: it will be of use again, and no other one is needed. */
  answers(attempt: number, _now: number): void {
    if (attempt !== this.#live || !this.silent) return;
    this.silent = false;
    if (this.#current === null) this.#retry.at = null;
  }

  /** The connection of an attempt is gone, whatever ended it. */
  ended(attempt: number, now: number): void {
    if (this.inProgress === attempt) {
      this.#current = null;
      this.#retry.failed(now);
      this.#unlessThereIsAPath();
    } else if (this.#live === attempt) {
      this.#live = null;
      this.silent = false;
      if (now - this.#liveSince < STEADY) {
        this.#retry.flapped(now);
        this.#unlessThereIsAPath();
      } else {
        this.#retry.lost(now);
        this.#retry.succeeded(now);
        this.#tryAgain(now);
      }
    }
  }

  // ---- what the peer says

  /** Take a signal, unsealed. What is stale, late or nonsense is counted in `ignored`, and has no effect. */
  receive(kind: string, attempt: number, payload: unknown, now: number): void {
    let reason = "nonsense";
    if (!this.#allowed) reason = "not-allowed";
    else if (!isAttempt(attempt)) reason = "nonsense";
    else if (kind === "request" && this.#offers) reason = this.#receiveRequest(payload, now);
    else if (kind === "offer" && !this.#offers) reason = this.#receiveOffer(attempt, payload, now);
    else if (kind === "answer" && this.#offers) reason = this.#receiveAnswer(attempt, payload);
    else if (kind === "candidate") reason = this.#receiveCandidate(attempt, payload);
    if (reason !== "") this.ignored.set(reason, (this.ignored.get(reason) ?? 0) + 1);
  }

  #receiveRequest(payload: unknown, now: number): string {
    const seen = isPayload(payload) ? (payload as Partial<Request>).seen : undefined;
    if (!isAttempt(seen) || seen > this.#last) return "nonsense";
    if (this.#current !== null) return "in-progress";
    if (this.#live !== null && this.#live > seen) return "stale";
    if (!this.#allowance.take(now)) return "too-many";
    this.#begin(this.#last + 1, now);
    return "";
  }

  #receiveOffer(attempt: number, payload: unknown, now: number): string {
    const copy = this.#at(attempt, "CONNECTING");
    if (attempt <= this.#last && copy === null) return "stale";
    if (!isDescription(payload, "offer")) return "nonsense";
    if (copy !== null) return this.#receiveCopy(copy, payload, now);
    if (!this.#allowance.take(now)) return "too-many";
    if (this.#current !== null) this.#abandon(this.#current.number, `the peer has begun attempt ${attempt}`);
    this.#retry.heard();
    this.#begin(attempt, now, payload);
    return "";
  }

  /** The offer has come before, so the answer to it has not arrived, or not yet. */
  #receiveCopy(current: Attempt, payload: Description, now: number): string {
    if (hashOf(payload) !== current.offerHash) return "stale";
    if (!this.#allowance.take(now)) return "too-many";
    this.#say(current, "answer");
    return "";
  }

  #receiveAnswer(attempt: number, payload: unknown): string {
    const current = this.#at(attempt, "OFFERED");
    if (current === null) return "stale";
    if (!isDescription(payload, "answer")) return "nonsense";
    if (payload.offer !== current.offerHash) return "other-offer";
    current.phase = "CONNECTING";
    this.#events.push({ type: "TakeAnswer", attempt, answer: { type: "answer", sdp: payload.sdp } });
    this.#takeCandidates(current);
    return "";
  }

  #receiveCandidate(attempt: number, payload: unknown): string {
    if (!isCandidate(payload)) return "nonsense";
    const candidate = candidateOf(payload);
    const current = this.#current;
    if (current !== null && current.number === attempt && current.phase !== "OPEN") {
      if (!current.theirs.put(candidate)) return "too-many";
      if (current.phase === "CONNECTING") this.#takeCandidates(current);
      return "";
    }
    if (this.#offers || attempt <= this.#last) return "stale";
    return this.#overtakers.put(attempt, candidate) ? "" : "too-many";
  }

  // ---- time

  /** When `handleTimeout` wants to be called; null: never, as things are. */
  nextTimeout(): number | null {
    const current = this.#current;
    if (current === null) return this.#retry.at;
    return current.phase === "OFFERED" ? Math.min(current.deadline, current.againAt) : current.deadline;
  }

  /** Give up what is late, and try what is due. */
  handleTimeout(now: number): void {
    const late = this.#current;
    if (late === null) {
      if (this.#retry.at !== null && now >= this.#retry.at) this.#try(now);
      return;
    }
    if (now < late.deadline) {
      if (late.phase === "OFFERED" && now >= late.againAt) {
        late.said(now);
        this.#say(late, "offer");
      }
      return;
    }
    this.#current = null;
    if (late.hurried) {
      this.#abandon(late.number, `not adopted within ${GRACE} s of signals getting through`);
      this.#tryAgain(now);
    } else {
      this.#abandon(late.number, `not adopted within ${DEADLINE} s`);
      this.#retry.timedOut(now);
      this.#unlessThereIsAPath();
    }
  }

  /** The next thing to be done; null: nothing. */
  nextEvent(): NegotiationEvent | null {
    return this.#events.shift() ?? null;
  }

  // ---- helpers

  #at(attempt: number, phase: Phase): Attempt | null {
    const current = this.#current;
    return current !== null && current.number === attempt && current.phase === phase ? current : null;
  }

  #begin(number: number, now: number, offer: Description | null = null): void {
    this.#last = number;
    this.#retry.at = null;
    this.begun += 1;
    const theirs = this.#overtakers.take(number);
    if (offer === null) {
      this.#current = new Attempt(number, now, theirs);
      this.#events.push({ type: "MakeOffer", attempt: number });
    } else {
      this.#current = new Attempt(number, now, theirs, hashOf(offer));
      this.#events.push({ type: "MakeAnswer", attempt: number, offer: { type: "offer", sdp: offer.sdp } });
    }
  }

  #try(now: number): void {
    if (this.#offers) {
      this.#begin(this.#last + 1, now);
    } else {
      this.#events.push({ type: "SendSignal", kind: "request", attempt: this.#last, payload: { seen: this.#last } satisfies Request });
      // Should no offer come of it, this was a failure; if one does, `heard` says that it was none.
      this.#retry.failed(now);
    }
  }

  #lacksPath(): boolean {
    const wants = this.#wanted && this.#allowed && !this.#unreachable;
    return wants && this.#current === null && (this.#live === null || this.silent);
  }

  #trySoon(now: number): void {
    if (this.#lacksPath()) {
      this.#retry.soon(now, this.#offers ? [0, 0] : PATIENCE);
      this.handleTimeout(now);
    }
  }

  #tryAgain(now: number): void {
    if (this.#lacksPath()) this.#retry.soon(now, AGAIN);
  }

  #unlessThereIsAPath(): void {
    if (!this.#lacksPath()) this.#retry.at = null;
  }

  #abandon(attempt: number, reason: string): void {
    this.#events.push({ type: "Abandon", attempt, reason });
  }

  /** Send our description, with every candidate found so far, for the first time or once more. */
  #say(current: Attempt, kind: SignalKind): void {
    this.#events.push({ type: "SendSignal", kind, attempt: current.number, payload: { ...current.description } });
    this.#sendCandidates(current, current.ours.takeAgain());
  }

  #sendCandidates(current: Attempt, candidates: readonly Candidate[]): void {
    for (const candidate of candidates) {
      const payload = candidate === null ? NO_MORE : { ...candidate };
      this.#events.push({ type: "SendSignal", kind: "candidate", attempt: current.number, payload });
    }
  }

  #takeCandidates(current: Attempt): void {
    for (const candidate of current.theirs.take()) {
      this.#events.push({ type: "TakeCandidate", attempt: current.number, candidate });
    }
  }

  #abandonAll(reason: string): void {
    for (const number of [this.inProgress, this.#live]) if (number !== null) this.#abandon(number, reason);
    this.#current = null;
    this.#live = null;
    this.silent = false;
  }
}
