/** Attempts at a direct path, carried out: what the negotiation decides, done with real connections. */

import { now } from "./clock.ts";
import type { Candidate, Description, Negotiation, NegotiationEvent, SignalPayload } from "./negotiation/index.ts";
import { DirectPath, type MakeConnection } from "./paths/direct.ts";
import type { SignalKind } from "./protocol/events.ts";

/** How many direct paths one client may hold at a time. */
export class Quota {
  left: number;

  constructor(most: number) {
    this.left = most;
  }
}

/** What attempts are made with, and whom they tell. */
export interface AttemptsOptions {
  readonly quota: Quota;
  /** Makes WebRTC connections; undefined: there is nothing that could, and no attempt comes to anything. */
  readonly makeConnection: MakeConnection | undefined;
  readonly iceServers: () => readonly RTCIceServer[];
  /** Seals a signal and sends it. */
  readonly sendSignal: (kind: SignalKind, attempt: number, payload: SignalPayload) => void;
  readonly onOpen: (attempt: number) => void;
  readonly onPacket: (attempt: number, packet: Uint8Array) => void;
  readonly onDrain: (attempt: number) => void;
  readonly onEnded: (attempt: number, reason: string) => void;
}

/** The direct paths of one link: usually one, two while a new attempt takes over from an old path. */
export class Attempts {
  readonly negotiation: Negotiation;
  readonly paths = new Map<number, DirectPath>();
  /** Attempts begun, for statistics. */
  made = 0;
  readonly #options: AttemptsOptions;
  readonly #tasks = new Set<Promise<void>>();
  #closed = false;

  constructor(negotiation: Negotiation, options: AttemptsOptions) {
    this.negotiation = negotiation;
    this.#options = options;
  }

  /** Carry out what the negotiation has decided by `time` (seconds). */
  run(_time: number): void {
    for (let event = this.negotiation.nextEvent(); event !== null; event = this.negotiation.nextEvent()) {
      this.#do(event);
    }
  }

  /** Close one direct path; its end is told by `onEnded`. */
  end(attempt: number): void {
    void this.paths.get(attempt)?.close();
  }

  /** Close the paths that an adopted one replaces. */
  endOlder(adopted: number): void {
    for (const attempt of this.paths.keys()) if (attempt < adopted) this.end(attempt);
  }

  /** Close every path, and wait until nothing is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const path of this.paths.values()) void path.close();
    await Promise.all(this.#tasks);
  }

  // ---- what takes time

  #do(event: NegotiationEvent): void {
    const { attempt } = event;
    switch (event.type) {
      case "MakeOffer":
        this.#describe(attempt, null);
        break;
      case "MakeAnswer":
        this.#describe(attempt, event.offer);
        break;
      case "TakeAnswer":
        // A description that makes no sense, or an engine that cannot: the path tells its end, the relay carries on.
        this.#start(this.paths.get(attempt)?.takeAnswer(event.answer).catch(() => this.run(now())));
        break;
      case "TakeCandidate":
        this.paths.get(attempt)?.takeCandidate(event.candidate);
        break;
      case "SendSignal":
        this.#options.sendSignal(event.kind, attempt, event.payload);
        break;
      case "Abandon":
        this.end(attempt);
        break;
    }
  }

  #start(work: Promise<void> | undefined): void {
    if (work === undefined) return;
    this.#tasks.add(work);
    void work.finally(() => this.#tasks.delete(work));
  }

  /** Make an offer, or the answer to one. */
  #describe(attempt: number, offer: Description | null): void {
    const path = this.#path(attempt, offer === null);
    if (path === null) {
      this.negotiation.ended(attempt, now());
      this.#options.onEnded(attempt, "no direct path to be had");
      return;
    }
    const described = async (): Promise<void> => {
      try {
        if (offer === null) this.negotiation.offerReady(attempt, await path.offer(), now());
        else this.negotiation.answerReady(attempt, await path.answer(offer), now());
      } catch {
        // The path has told its end.
      }
      this.run(now());
    };
    this.#start(described());
  }

  #path(attempt: number, offers: boolean): DirectPath | null {
    const { quota, makeConnection, iceServers, onOpen, onPacket, onDrain } = this.#options;
    if (this.#closed || this.paths.has(attempt) || this.negotiation.inProgress !== attempt) {
      return null; // given up before it was begun
    }
    // With as many direct paths as this client may hold, or nothing to make one with, the relay carries on.
    if (quota.left <= 0 || makeConnection === undefined) return null;
    quota.left -= 1;
    this.made += 1;
    const path = new DirectPath(attempt, {
      offers,
      iceServers: iceServers(),
      makeConnection,
      onOpen: () => onOpen(attempt),
      onPacket: (_, packet) => onPacket(attempt, packet),
      onDrain: () => onDrain(attempt),
      onEnded: (reason) => this.#ended(attempt, reason),
      onCandidate: (candidate) => this.#candidate(attempt, candidate),
    });
    this.paths.set(attempt, path);
    return path;
  }

  #ended(attempt: number, reason: string): void {
    if (!this.paths.delete(attempt)) return;
    this.#options.quota.left += 1;
    this.negotiation.ended(attempt, now());
    this.#options.onEnded(attempt, reason);
  }

  #candidate(attempt: number, candidate: Candidate): void {
    this.negotiation.candidateFound(attempt, candidate, now());
    this.run(now());
  }
}
