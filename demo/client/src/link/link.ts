import type { Attempts } from "../attempts.ts";
import { after, now, soon, within } from "../clock.ts";
import type { ValueMap } from "../codec/values.ts";
import type { SignalPayload } from "../negotiation/index.ts";
import type { RelayPath } from "../paths/relay.ts";
import type { SignalKind } from "../protocol/events.ts";
import type { Way } from "../reports.ts";
import type { Outbound, PathName } from "../session/events.ts";
import type { LinkCore } from "../session/link-core.ts";
import type { Outgoing } from "../session/link-events.ts";
import { RULES } from "../session/rules.ts";
import type { LinkCallbacks } from "./callbacks.ts";
import { Inlets } from "./inlets.ts";
import { Outlets } from "./outlets.ts";
import { Questions } from "./questions.ts";
import { WaitingSignals } from "./signals.ts";
import { type LinkStats, statsOf } from "./stats.ts";

/** Seconds between wanting a direct path and trying it: what is said first, right after joining, shall go first. */
const DIRECT_DELAY = 0.05;
/** Seconds without a packet after which the next one does not wait for others to share it. */
const SILENCE = 0.000_05;

/**
 * The link to one peer in one room, as the objects above it see it: it alone knows that there are two paths, and it
 * drives the cores' timers. `outlets` sends, `questions` asks.
 *
 * Everything that happens to a link ends in `#wake`; soon after that `#turn` collects what the cores have to say and to
 * send, once the code that runs has ended. So what an application sends at once shares packets, and no core is entered
 * twice.
 */
export class Link {
  readonly core: LinkCore;
  readonly attempts: Attempts;
  readonly relay: RelayPath<Outgoing>;
  readonly outlets: Outlets;
  readonly questions: Questions;
  readonly inlets: Inlets;
  readonly #direct: boolean;
  readonly #callbacks: LinkCallbacks;
  readonly #bye: Promise<void>;
  readonly #signals = new WaitingSignals();
  #byeDone!: () => void; // set by the promise's constructor
  #scheduled = false;
  /** When something went out last. */
  #sentAt = Number.NEGATIVE_INFINITY;
  #timer: (() => void) | null = null;
  #timerAt = 0;
  #wantsDirect: (() => void) | null = null;
  /** Since when there was to be a direct path; null again once there was one. */
  #wantedAt: number | null = null;
  /** There is a key since this turn began: signals that waited for it can go at its end. */
  #hasKey = false;
  #ended: string | null = null;
  #closing = false;
  /** Both have said bye, but what is still to be sent has not gone: the peer waits for ours. */
  #saidBye = false;

  /** `direct`: whether this side takes part in attempts at a direct path. */
  constructor(core: LinkCore, attempts: Attempts, relay: RelayPath<Outgoing>, direct: boolean, callbacks: LinkCallbacks) {
    this.core = core;
    this.attempts = attempts;
    this.relay = relay;
    this.#direct = direct;
    this.#callbacks = callbacks;
    this.outlets = new Outlets(core, (time) => this.#sent(time));
    this.questions = new Questions(core, () => this.#wake());
    this.inlets = new Inlets(core, {
      onMessage: callbacks.onMessage,
      onChannel: callbacks.onChannel,
      changed: (time) => this.#wake(time),
      handled: (time) => {
        if (this.#timer === null || this.#timerAt > time + RULES.ackDelay) this.#wake(time);
      },
    });
    this.#bye = new Promise((resolve) => (this.#byeDone = resolve));
  }

  /** Where a new reliable message would go now; null while there is no way. */
  get path(): PathName | null {
    return this.core.session.path;
  }

  /** As `path`, but for a direct path by way of a TURN server. */
  get way(): Way | null {
    const { path } = this;
    const [adopted] = this.attempts.paths.values(); // older ones are gone
    const stats = path === "direct" && adopted?.stats();
    return stats && [stats.localType, stats.remoteType].includes("relay") ? "turn" : path;
  }

  /** Whether this side takes part in attempts, and the peer, as far as it has said. */
  get #mayGoDirect(): boolean {
    return this.#direct && (this.core.peerSettings["direct"] ?? true) === true;
  }

  /** The figures of this link as of now. */
  stats(): LinkStats {
    return statsOf(this.core, this.attempts);
  }

  #sent(time: number): void {
    this.attempts.negotiation.traffic(time);
    this.#wake(time);
  }

  // ---- what the room tells

  /** My connection to the server, or the peer's, is another one or gone (null). */
  relayChanged(mine: number | null, theirs: number | null): void {
    const time = now();
    if (this.core.relayChanged(mine, theirs, time)) {
      this.attempts.negotiation.reachable(time);
    } else if (mine === null || theirs === null) {
      this.attempts.negotiation.unreachable();
    }
    this.#wake();
  }

  /** A sealed packet came over the relay. */
  receiveRelay(packet: Uint8Array): void {
    const time = now();
    this.core.receiveRelay(packet, time);
    this.#came(time);
  }

  /** A signal came. One whose kind or attempt differs from its sealed one is dropped. */
  receiveSignal(kind: string, attempt: number, packet: Uint8Array): void {
    const time = now();
    const signal = this.core.receiveSignal(packet, time);
    if (signal !== null && signal.kind === kind && signal.attempt === attempt) {
      this.attempts.negotiation.receive(kind, attempt, signal.payload, time);
    }
    this.#came(time);
  }

  /** The server acknowledged something of what went by the relay. */
  relayDrained(): void {
    this.core.relayWaiting(this.relay.waiting, now());
    this.#wake();
  }

  /** The server did not pass a packet on. */
  relayRefused(outgoing: Outgoing, code: string): void {
    this.core.relayRefused(outgoing, code, now());
    this.#wake();
  }

  /** A direct path is to be tried soon, and whenever there is none. It needs a key for its signals: that goes first. */
  wantDirect(): void {
    if (this.#wantsDirect !== null || this.#ended !== null) return;
    this.#wantedAt = now();
    this.#wantsDirect = after(DIRECT_DELAY, () => {
      this.core.start(now());
      this.attempts.negotiation.want(now());
      this.#wake();
    });
  }

  /** Seal a signal and send it; it waits for a key if there is none yet. */
  signal(kind: SignalKind, attempt: number, payload: SignalPayload): void {
    // The negotiation makes nothing but values.
    const packet = this.core.sealSignal(kind, attempt, payload as ValueMap, now());
    if (packet !== null) this.#callbacks.sendSignal(kind, attempt, packet);
    else this.#signals.put({ kind, attempt, payload });
    this.#wake();
  }

  // ---- the direct paths

  /** An attempt's data channels are open. */
  directOpened(attempt: number): void {
    const time = now();
    this.attempts.negotiation.opened(attempt, time);
    this.core.directOpened(attempt, time);
    this.#wake();
  }

  /** A packet came over a direct path. */
  directPacket(attempt: number, packet: Uint8Array): void {
    const time = now();
    this.core.receiveDirect(attempt, packet, time);
    if (this.attempts.negotiation.silent && !this.core.session.directSilent) {
      this.attempts.negotiation.answers(attempt, time);
      this.#wake(time);
    }
    // A turn now would only delay what the application answers, where nothing but an acknowledgement is to go later.
    const quiet = this.#events(time) && this.#timer !== null && this.#timerAt <= time + RULES.ackDelay;
    if (!quiet || this.core.session.isDue(this.#timerAt)) this.#wake(time);
  }

  /** A direct path's send buffer has room again. */
  directDrained(attempt: number): void {
    const path = this.attempts.paths.get(attempt);
    if (path !== undefined) {
      this.core.directWaiting(attempt, path.waiting, now());
      this.#wake();
    }
  }

  /** A direct path is no more. */
  directEnded(attempt: number): void {
    this.core.directEnded(attempt, now());
    this.#wake();
  }

  // ---- one turn

  #came(time: number): void {
    // At once: a packet may have begun a new session, and then the channels' numbers are others.
    this.#events(time);
    this.#wake(time);
  }

  #wake(time = now()): void {
    if (this.#scheduled || this.#ended !== null) return;
    this.#scheduled = true;
    // What comes after a silence goes at once; what comes thick and fast shares packets.
    if (time - this.#sentAt > SILENCE) queueMicrotask(() => this.#turn());
    else soon(() => this.#turn());
  }

  #turn(): void {
    this.#scheduled = false;
    if (this.#ended !== null) return;
    const time = now();
    this.#events(time);
    if (this.#closing && this.core.session.queued === 0) this.core.session.close(time);
    const last = this.#saidBye;
    const packets = this.core.packetsToSend(time);
    for (const outgoing of packets) this.#transmit(outgoing, time);
    if (packets.length > 0) this.#sentAt = time;
    if (last) this.#byeDone();
    if (this.#hasKey) this.#sendSignals();
    this.#events(time);
    this.attempts.run(time);
    this.#setTimer(time);
  }

  #transmit(outgoing: Outgoing, time: number): void {
    if (outgoing.attempt === null) {
      this.relay.send(outgoing.packet, outgoing);
      this.core.relayWaiting(this.relay.waiting, time);
      return;
    }
    const path = this.attempts.paths.get(outgoing.attempt);
    if (path !== undefined) {
      path.send(outgoing.lane, outgoing.packet);
      this.core.directWaiting(outgoing.attempt, path.waiting, time);
    }
  }

  #setTimer(time: number): void {
    const when = Math.min(
      this.core.nextTimeout() ?? Number.POSITIVE_INFINITY,
      this.attempts.negotiation.nextTimeout() ?? Number.POSITIVE_INFINITY,
    );
    if (this.#timer !== null) {
      if (this.#timerAt <= when && when !== Number.POSITIVE_INFINITY) {
        return; // it comes early, finds nothing due, and is set anew: cheaper than setting it at every turn
      }
      this.#timer();
    }
    this.#timerAt = when;
    this.#timer = when === Number.POSITIVE_INFINITY ? null : after(when - time, () => this.#due());
  }

  #due(): void {
    this.#timer = null;
    if (this.#ended !== null) return;
    const time = now();
    this.core.handleTimeout(time);
    this.attempts.negotiation.handleTimeout(time);
    this.#turn();
  }

  /** Tell what has happened; whether it was nothing but messages. */
  #events(time: number): boolean {
    const { core, attempts } = this;
    let onlyMessages = true;
    for (let event = core.nextEvent(); event !== null; event = core.nextEvent()) {
      onlyMessages &&= event.type === "MessageReceived";
      switch (event.type) {
        case "MessageReceived":
          this.inlets.message(event);
          break;
        case "DatagramReceived":
          this.inlets.datagram(event);
          break;
        case "ChannelOpened":
          this.inlets.opened(event);
          break;
        case "ChannelClosed":
          this.inlets.closed(event.channel);
          break;
        case "SendReady":
          this.outlets.ready(event.channel);
          break;
        case "Flushed":
          this.questions.flushed(event.mark);
          break;
        case "PingAnswered":
          this.questions.answered(event.number, event.rtt, event.path);
          break;
        case "PathChanged":
          this.questions.changed();
          if (event.path !== null && !this.#closing) this.#callbacks.onPath(event.path);
          this.#moved(time);
          break;
        case "DirectAdopted":
          attempts.negotiation.adopted(event.attempt, time);
          attempts.endOlder(event.attempt);
          this.#moved(time);
          break;
        case "DirectEnded":
          attempts.end(event.attempt);
          break;
        case "Suspected":
          attempts.negotiation.suspected(event.attempt, time);
          break;
        case "Ready":
          this.questions.changed();
          attempts.negotiation.setAllowed(this.#mayGoDirect, time);
          this.#hasKey = true;
          break;
        case "ByeDone":
          this.#saidBye = true;
          this.#wake();
          break;
        case "SessionFailed":
          this.#callbacks.onFailed(event.reason);
          break;
        case "SessionEnded":
          this.#sessionEnded(event.undelivered, event.reason);
          break;
        case "SessionStarted":
          this.inlets.renew();
          this.outlets.renew();
          attempts.negotiation.reset(time);
          break;
        case "Trusted":
        case "ByeReceived":
          break; // for people who watch; the session has done what is to be done
      }
    }
    return onlyMessages;
  }

  #moved(time: number): void {
    const since = this.path === "direct" ? this.#wantedAt : null;
    if (since !== null) this.#wantedAt = null;
    this.#callbacks.onMoved(since === null ? undefined : time - since);
  }

  /** Those that waited for a key go behind what gives it to the peer, which could not open them before. */
  #sendSignals(): void {
    this.#hasKey = false;
    for (const { kind, attempt, payload } of this.#signals.take()) this.signal(kind, attempt, payload);
  }

  #sessionEnded(undelivered: readonly Outbound[], reason: string): void {
    for (const attempt of this.attempts.paths.keys()) this.attempts.end(attempt);
    this.questions.fail(undelivered, reason);
    if (undelivered.length > 0) this.#callbacks.onUndelivered(undelivered, reason);
  }

  // ---- the end

  /** End the link in good order: what was sent is acknowledged, both say bye; `seconds` at most. */
  async close(seconds = 5): Promise<void> {
    if (this.#ended === null && !this.#closing) {
      this.#closing = true;
      this.outlets.refuse("this side is closing");
      const { queued, unacknowledged } = this.core.session.stats();
      if (this.core.bound || queued > 0 || unacknowledged > 0) {
        this.#wake(); // the bye goes once everything has gone that is waiting
        await within(seconds, this.#bye);
      }
    }
    await this.end("this side left");
  }

  /** End the link at once: what was not acknowledged is reported. `end` gives back what it holds. */
  cut(reason: string): void {
    if (this.#ended !== null) return;
    const undelivered = this.core.end(now());
    this.#ended = reason;
    this.#timer?.();
    this.#wantsDirect?.();
    this.#callbacks.onMoved();
    this.questions.fail(undelivered, reason);
    this.questions.refuse(reason);
    this.outlets.refuse(reason);
    this.#byeDone();
    if (undelivered.length > 0) this.#callbacks.onUndelivered(undelivered, reason);
  }

  /** Cut the link, and wait until its paths are closed. */
  async end(reason: string): Promise<void> {
    this.cut(reason);
    await this.attempts.close();
  }
}
