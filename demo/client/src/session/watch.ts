/** When to ping, when to suspect the direct path, and when to trust it again (rules S5 and S7). */

import { Frame, FrameType, Lane } from "../codec/frames.ts";
import { encodePing } from "../codec/payloads.ts";
import type { Event } from "./events.ts";
import { deleteFirst } from "./liveness.ts";
import { Queue } from "./queue.ts";
import { type DirectPath, FOREVER, type Path, type Routes, isDirect } from "./routing.ts";
import type { Rules } from "./rules.ts";
import type { Sender } from "./sender.ts";

/** Pings of the application that are remembered. */
const PROBES = 64;

/** Watches the paths, for the sender's sake. */
export class Watch {
  readonly #rules: Rules;
  readonly #routes: Routes;
  readonly #sender: Sender;
  readonly #events: Queue<Event>;
  #nextPing = 1;
  readonly #probes = new Set<number>();
  /** When the direct path became suspect, in the last minute. */
  readonly #recent = new Queue<number>();
  /** The direct path is suspect, and bulk has not followed over the relay yet. */
  #bulkWaits = false;
  suspicions = 0;

  constructor(rules: Rules, routes: Routes, sender: Sender, events: Queue<Event>) {
    this.#rules = rules;
    this.#routes = routes;
    this.#sender = sender;
    this.#events = events;
  }

  // ---- timers

  /** When something is due here; FOREVER if nothing is. */
  nextTimeout(now: number): number {
    const rules = this.#rules;
    const routes = this.#routes;
    let due = FOREVER;
    for (const fresh of routes.fresh) due = Math.min(due, fresh.life.lastPing + rules.pingSuspect);
    if (routes.direct !== null) {
      const life = routes.direct.life;
      if (life.suspect) {
        due = Math.min(due, life.lastPing + rules.pingSuspect);
        if (this.#bulkWaits) due = Math.min(due, life.since + rules.bulkPause);
      } else if (life.asked !== null) {
        due = Math.min(due, life.suspiciousAt() ?? FOREVER, life.unprovedAt() ?? FOREVER);
      }
    }
    const path = routes.route(Lane.RELIABLE, now);
    if (path?.confirmed) {
      due = Math.min(due, path.life.lastPing + this.#pingEvery(path));
      due = Math.min(due, this.#lanesDue(path, now));
    }
    return due;
  }

  /** Seconds between pings on the path in use. */
  #pingEvery(path: Path): number {
    const outstanding = this.#sender.outstanding || path.life.datagramAt !== null;
    return outstanding ? this.#rules.pingOutstanding : this.#rules.pingIdle;
  }

  /** When a lane has waited too long for acknowledgements. */
  #lanesDue(path: Path, now: number): number {
    let due = FOREVER;
    for (const lane of this.#sender.lanes) {
      if (lane.unacked.length && this.#routes.route(lane.lane, now) !== null) {
        due = Math.min(due, lane.timeoutAt(path));
      }
    }
    return due;
  }

  /** Do what is due. `late`: by how much the timer that should have called this was late. */
  handleTimeout(now: number, late: number): void {
    const rules = this.#rules;
    const routes = this.#routes;
    if (late > rules.late) for (const one of routes.paths.values()) one.life.late(late, now);
    for (const fresh of routes.fresh) if (now >= fresh.life.lastPing + rules.pingSuspect) this.ping(fresh, now);
    if (routes.direct !== null) this.#checkDirect(routes.direct, now);
    const path = routes.route(Lane.RELIABLE, now);
    if (!path?.confirmed) return;
    if (now >= path.life.lastPing + this.#pingEvery(path)) this.ping(path, now);
    for (const lane of this.#sender.lanes) {
      if (lane.unacked.length && routes.route(lane.lane, now) !== null && now >= lane.timeoutAt(path)) {
        lane.timedOut(path, now);
      }
    }
  }

  #checkDirect(direct: DirectPath, now: number): void {
    const life = direct.life;
    const rules = this.#rules;
    if (life.suspect) {
      if (now >= life.lastPing + rules.pingSuspect) this.ping(direct, now);
      if (this.#bulkWaits && now >= life.since + rules.bulkPause) {
        this.#bulkWaits = false;
        if (this.#routes.relay !== null) this.#sender.lanes[1].doubt(direct);
      }
      return;
    }
    const suspicious = life.suspiciousAt();
    if (suspicious !== null && now >= suspicious) {
      this.suspect(direct, now);
      return;
    }
    const unproved = life.unprovedAt();
    if (unproved !== null && now >= unproved) this.ping(direct, now);
  }

  // ---- pings

  /** Send a ping by `path` in the next turn, and return its number. */
  ping(path: Path, now: number, suspect = 0): number {
    const number = this.#nextPing;
    this.#nextPing = (number % 0xffffffff) + 1;
    path.life.ping(number, now);
    path.control.push(new Frame(FrameType.PING, Lane.DATAGRAM, false, 0, 0, encodePing(number, suspect)));
    return number;
  }

  /** A ping whose answer the application wants to know of. Of the last 64 it is told. */
  probe(path: Path, now: number): number {
    const number = this.ping(path, now);
    this.#probes.add(number);
    if (this.#probes.size > PROBES) deleteFirst(this.#probes);
    return number;
  }

  /** The peer's ping came by `path`; with `suspect`, it has begun to suspect that attempt. */
  pinged(path: Path, number: number, suspect: number, now: number): void {
    path.owePong(number);
    const direct = this.#routes.direct;
    if (direct === null || direct.life.suspect || !path.isRelay) return;
    if (direct.instance.attempt === suspect && now >= direct.life.trusted + this.#rules.noProof) {
      // (What came sooner was said before the path was trusted again: a relay that has just begun is told so by
      // both.) It no longer sends by the direct path, and cannot tell there what of ours has arrived.
      this.suspect(direct, now);
    }
  }

  /** A pong came by `path`. */
  ponged(path: Path, number: number, now: number): void {
    const life = path.life;
    const sent = life.pong(number, now);
    if (sent === null) return;
    if (this.#probes.delete(number)) {
      this.#events.push({ type: "PingAnswered", number, rtt: now - sent, path: path.instance.type });
    }
    if (!isDirect(path)) return;
    if (this.#routes.fresh.includes(path)) {
      this.#routes.adopt(path);
      this.#events.push({ type: "DirectAdopted", attempt: path.instance.attempt });
      this.#bulkWaits = false;
      this.#recent.clear();
    }
    if (life.suspect && sent >= life.since) {
      life.pongs += 1;
      if (life.pongs >= this.#rules.pongsBack && now >= life.since + this.#holdBack()) this.#trust(path, now);
    }
  }

  // ---- suspicion

  /** The direct path is suspect: the relay carries on, and the peer is told. */
  suspect(direct: DirectPath, now: number): void {
    direct.life.doubt(now);
    this.suspicions += 1;
    const recent = this.#recent;
    recent.push(now);
    for (let oldest = recent.first ?? now; oldest < now - this.#rules.holdBackWithin; oldest = recent.first ?? now) {
      recent.shift();
    }
    this.#events.push({ type: "Suspected", attempt: direct.instance.attempt });
    this.#bulkWaits = true;
    this.ping(direct, now);
    this.#tell(direct, now);
  }

  /** There is a relay (again): what only the suspect path carries can go by it. */
  relayOpened(now: number): void {
    const direct = this.#routes.suspect();
    if (direct === null) return;
    this.#tell(direct, now);
    if (!this.#bulkWaits) this.#sender.lanes[1].doubt(direct);
  }

  #tell(direct: DirectPath, now: number): void {
    const relay = this.#routes.relay;
    if (relay === null) return;
    if (relay.confirmed) this.ping(relay, now, direct.instance.attempt);
    this.#sender.lanes[0].doubt(direct);
  }

  /** How long a suspect path is not trusted: the oftener it was suspect lately, the longer. */
  #holdBack(): number {
    const earlier = this.#recent.length - 1;
    if (earlier <= 0) return 0;
    return Math.min(this.#rules.holdBackMost, this.#rules.holdBack * 2 ** earlier);
  }

  #trust(direct: DirectPath, now: number): void {
    direct.life.trust(now);
    this.#bulkWaits = false;
    this.#events.push({ type: "Trusted", attempt: direct.instance.attempt });
    for (const lane of this.#sender.lanes) lane.trust(direct);
  }
}
