/**
 * The session of a link: what makes its reliable lanes exactly-once, whatever becomes of the paths (rules S3 to S10).
 *
 * It knows nothing of keys, rosters or the browser. `now` is a monotonic time in seconds; whoever drives a session calls
 * `framesToSend` after everything else, sends what that gives, and asks `nextTimeout` when to call `handleTimeout`.
 */

import { type Frame, FrameError, FrameType, HEADER_SIZE, Lane } from "../codec/frames.ts";
import { type Acknowledgement, MAX_DATAGRAM, decodeAck, decodePing, decodePong } from "../codec/payloads.ts";
import type { ValueMap } from "../codec/values.ts";
import { Byes } from "./byes.ts";
import { Budget } from "./credit.ts";
import { type Event, type Instance, type Outbound, type PathName, PeerLied } from "./events.ts";
import { Queue } from "./queue.ts";
import { Receiver } from "./receiver.ts";
import { FOREVER, type Flight, type Path, Routes } from "./routing.ts";
import { RULES, type Rules } from "./rules.ts";
import { Sender } from "./sender.ts";
import { type SessionStats, sessionStats } from "./stats.ts";
import { Unsequenced } from "./unsequenced.ts";
import { Watch } from "./watch.ts";

/** Seconds after which a session that waits for the budget of all links looks at it again. */
const BUDGET_POLL = 0.05;

/** One session; see the module. The plain rule for all its methods: once it is over, they do nothing. */
export class Session {
  readonly #rules: Rules;
  #now: number;
  readonly #events = new Queue<Event>();
  readonly #routes: Routes;
  readonly #sender: Sender;
  readonly #receiver: Receiver;
  readonly #watch: Watch;
  readonly #unsequenced: Unsequenced;
  /** When we asked to be called last. */
  #armed = FOREVER;
  #over = false;
  readonly #byes: Byes;
  #path: PathName | null = null;

  constructor(now: number, options: { readonly rules?: Rules; readonly budget?: Budget | null } = {}) {
    const rules = options.rules ?? RULES;
    this.#rules = rules;
    this.#now = now;
    this.#routes = new Routes(rules);
    this.#sender = new Sender(rules, options.budget ?? new Budget(), this.#events);
    this.#receiver = new Receiver(rules, this.#events);
    this.#watch = new Watch(rules, this.#routes, this.#sender, this.#events);
    this.#unsequenced = new Unsequenced(rules, this.#routes, this.#receiver);
    this.#byes = new Byes(this.#sender, this.#receiver, this.#events);
  }

  // ---- paths

  /** A path has opened; until `pathConfirmed`, at most `most` bytes may be unacknowledged by it. */
  pathOpened(instance: Instance, now: number, most: number | null = null): void {
    this.#now = now;
    const path = this.#routes.open(instance, now, most);
    if (path.isRelay) this.#watch.relayOpened(now);
    else this.#watch.ping(path, now);
    if (this.#path === null) this.#sender.resumed(now);
    this.#moved();
  }

  /** The peer has answered on this path: `most` no longer holds. */
  pathConfirmed(instance: Instance, now: number): void {
    const path = this.#routes.get(instance);
    if (path === undefined || path.confirmed) return;
    path.most = null;
    path.confirmed = true;
    path.life.lastPing = now;
    this.#sender.resumed(now);
    this.#watch.relayOpened(now);
    // What a handshake carried is acknowledged with its answer, or it would be sent again.
    if (path.ackOwed) this.#unsequenced.ackBy(now);
  }

  /** A path has ended. What it alone carried goes by another. */
  pathEnded(instance: Instance, _now: number): void {
    const path = this.#routes.end(instance);
    if (path !== undefined) {
      this.#sender.pathEnded(path);
      this.#moved();
    }
  }

  /**
   * How many bytes wait in a path's send buffer now; on the relay, how many the server has not acknowledged.
   *
   * To be told after sending, and when it falls. Between two calls the session adds what it gave out itself.
   */
  pathWaiting(instance: Instance, waiting: number, _now: number): void {
    const path = this.#routes.get(instance);
    if (path !== undefined) path.waiting = waiting;
  }

  /** The server did not pass this flight on. */
  refused(flight: Flight, code: string, now: number): void {
    const path = this.#routes.get(flight.instance);
    if (path !== undefined) {
      if (code === "away" || code === "unknown-peer") this.#routes.gone(path, now);
      else this.#routes.busy(path, now);
    }
    this.#sender.lost(flight.items, path);
  }

  /** This flight did not arrive (a handshake's first message that is repeated): its frames go out again. */
  lost(flight: Flight, _now: number): void {
    this.#sender.lost(flight.items, this.#routes.get(flight.instance));
  }

  /** Tell if new reliable frames go by another path now. */
  #moved(): void {
    const name = this.#routes.route(Lane.RELIABLE, this.#now)?.instance.type ?? null;
    if (name !== this.#path) {
      this.#path = name;
      this.#events.push({ type: "PathChanged", path: name });
    }
  }

  /** Where a new reliable frame would go now. */
  get path(): PathName | null {
    return this.#path;
  }

  /** Whether there is a direct path that is not suspect (rule S7). */
  get directProved(): boolean {
    const direct = this.#routes.direct;
    return direct !== null && !direct.life.suspect;
  }

  /** Whether there is a direct path that is suspect and has answered no ping since. */
  get directSilent(): boolean {
    const direct = this.#routes.direct;
    return direct !== null && direct.life.suspect && direct.life.pongs === 0;
  }

  // ---- receiving

  /** One packet's frames have arrived by a path. */
  receive(instance: Instance, frames: Iterable<Frame>, now: number): void {
    const path = this.#routes.get(instance);
    if (path === undefined || this.#over) return;
    this.#now = now;
    if (!path.isRelay) path.life.hear(now);
    const receiver = this.#receiver;
    receiver.path = path.instance.type;
    let size = 0;
    try {
      for (const frame of frames) {
        if (frame.seq) {
          size += frame.payload.length + HEADER_SIZE;
          receiver.sequenced(frame);
        } else {
          this.#take(path, frame, now);
        }
      }
      if (size) this.#unsequenced.received(path, size, now);
    } catch (error) {
      if (!(error instanceof PeerLied || error instanceof FrameError)) throw error;
      this.fail(error.message);
      return;
    }
    if (this.#byes.check(now)) this.#unsequenced.lastWord(now);
  }

  #take(path: Path, frame: Frame, now: number): void {
    switch (frame.type) {
      case FrameType.ACK:
        this.#acknowledged(decodeAck(frame.payload), path, false, now);
        break;
      case FrameType.PING: {
        const [number, suspect] = decodePing(frame.payload);
        this.#watch.pinged(path, number, suspect, now);
        this.#moved();
        break;
      }
      case FrameType.PONG: {
        const [number, told] = decodePong(frame.payload);
        this.#acknowledged(told, path, true, now);
        this.#watch.ponged(path, number, now);
        this.#moved();
        break;
      }
      case FrameType.SIGNAL:
        break;
      default:
        this.#receiver.datagram(frame);
    }
  }

  #acknowledged(told: Acknowledgement, path: Path, whole: boolean, now: number): void {
    const moved = this.#sender.acknowledged(told, path, whole, now);
    if (moved && path.isRelay) this.#routes.progress(path, moved);
  }

  /** The peer broke the protocol: the session is over. `end` still reports what was not acknowledged. */
  fail(reason: string): void {
    if (!this.#over) {
      this.#over = true;
      this.#events.push({ type: "SessionFailed", reason });
    }
  }

  // ---- sending

  /** What goes out now, a packet each. */
  framesToSend(now: number): Flight[] {
    const flights: Flight[] = [];
    if (this.#over) return flights;
    this.#now = now;
    this.#sender.fill(this.#routes, now, flights);
    this.#unsequenced.fill(now, flights);
    return flights;
  }

  // ---- timers and events

  /** When to call `handleTimeout`; null if nothing is due unless something happens. */
  nextTimeout(): number | null {
    if (this.#over) return null;
    const now = this.#now;
    let due = Math.min(this.#unsequenced.nextTimeout(), this.#watch.nextTimeout(now));
    const relay = this.#routes.relay;
    if (relay !== null && relay.busyUntil > now && this.#sender.waitsToGo) due = Math.min(due, relay.busyUntil);
    if (this.#sender.waitsForBudget) due = Math.min(due, now + BUDGET_POLL);
    this.#armed = Math.max(due, now);
    return due === FOREVER ? null : this.#armed;
  }

  /** Whether something would go out now, or an acknowledgement before `then`. Cheaper to ask than `nextTimeout`. */
  isDue(then: number): boolean {
    return this.#sender.waitsToGo || this.#unsequenced.isDue(then);
  }

  /** Do what is due. */
  handleTimeout(now: number): void {
    if (this.#over) return;
    this.#now = now;
    this.#watch.handleTimeout(now, now - this.#armed);
    this.#armed = FOREVER;
    if (this.#sender.waitsForBudget) this.#sender.wake();
    this.#moved();
  }

  /** What has happened, oldest first; null when all has been told. */
  nextEvent(): Event | null {
    return this.#events.shift() ?? null;
  }

  // ---- the application

  /**
   * Open our direction of a channel and return its number. Channel 0, reliable, is always open.
   *
   * Throws RangeError if this channel is open already, too many are, or the label is too long; TypeError for
   * settings that are no value.
   */
  open(label: string, lane: Lane, kind = "", settings: ValueMap = {}): number {
    return this.#sender.open({ label, kind, lane, settings });
  }

  /** Whether a message of `size` bytes has room now. If not, a SendReady event comes when it may. */
  canSend(channel: number, size: number): boolean {
    return this.#sender.canSend(channel, size);
  }

  /**
   * Queue a message, whether there is room or not. Its bytes are not copied: leave them alone until it has arrived.
   *
   * Throws RangeError if it is too large for its lane, or the channel is closed.
   */
  send(channel: number, type: FrameType, payload: Uint8Array, now: number, context: unknown = null): Outbound {
    this.#now = now;
    return this.#sender.send(channel, type, payload, context);
  }

  /** Send a datagram, at most 16,380 bytes; false if it was dropped: no path has room now, or it is closed. */
  sendDatagram(channel: number, type: FrameType, payload: Uint8Array, now: number): boolean {
    if (payload.length > MAX_DATAGRAM) {
      throw new RangeError(`${payload.length} bytes are too large for a datagram (${MAX_DATAGRAM})`);
    }
    this.#now = now;
    const known = this.#sender.channels.get(channel);
    if (this.#over || known === undefined || known.closed) return false;
    return this.#unsequenced.datagram(known, type, payload, now);
  }

  /** Say that we send no more on this channel, after what is queued on it. The peer's direction stays. */
  closeChannel(channel: number, now: number): void {
    this.#now = now;
    this.#sender.closeChannel(channel);
  }

  /** Something listens on the peer's `channel`: its credit window grows to its full size. */
  listen(channel: number, now: number): void {
    this.#now = now;
    if (this.#receiver.listen(channel)) this.#unsequenced.ackBy(now);
  }

  /** The oldest message of the peer's `channel` has been handled; `charge` is its MessageReceived's. */
  handled(channel: number, charge: number, now: number): void {
    this.#now = now;
    this.#receiver.handled(channel, charge);
    this.#unsequenced.ackBy(now + this.#rules.ackDelay);
  }

  /** A mark; a Flushed event follows once the peer has handled everything sent before. */
  flush(now: number): number {
    this.#now = now;
    return this.#sender.flush();
  }

  /** Ping the peer by the path in use: the number that PingAnswered will name. null: there is no path. */
  ping(now: number): number | null {
    const path = this.#routes.route(Lane.RELIABLE, now);
    return path === null || this.#over ? null : this.#watch.probe(path, now);
  }

  /** Bytes that have not gone out yet for want of credit, window or path. */
  get queued(): number {
    const [reliable, bulk] = this.#sender.lanes;
    return reliable.queued + bulk.queued;
  }

  /** Send our bye. What has not gone out yet stays behind: flush before. A ByeDone event follows. */
  close(now: number): void {
    this.#now = now;
    if (!this.#over) this.#byes.say(now);
  }

  /** End the session: everything that was not acknowledged, in order within each channel. */
  end(): Outbound[] {
    this.#over = true;
    return this.#sender.end();
  }

  /** Figures for people. */
  stats(): SessionStats {
    return sessionStats(this.#path, this.#routes, this.#sender, this.#watch);
  }
}
