import { Attempts, Quota } from "./attempts.ts";
import { asMessages } from "./channel.ts";
import { now } from "./clock.ts";
import { EitherwayError, Undelivered } from "./errors.ts";
import { Link } from "./link/index.ts";
import type { Membership } from "./membership.ts";
import { Negotiation } from "./negotiation/index.ts";
import { KEY, PrivateKey } from "./noise.ts";
import type { MakeConnection } from "./paths/direct.ts";
import { iceServersFrom } from "./paths/ice-servers.ts";
import { RelayPath, type Relays } from "./paths/relay.ts";
import type { Peer } from "./peer.ts";
import type { IceServer, SignalKind } from "./protocol/events.ts";
import type { Room } from "./room.ts";
import { EndedHalves } from "./session/binding.ts";
import { Budget } from "./session/credit.ts";
import type { Remote } from "./session/handshake.ts";
import { LinkCore } from "./session/link-core.ts";
import type { Outgoing } from "./session/link-events.ts";
import { RULES } from "./session/rules.ts";

/** Direct paths that one client may hold. */
const MAX_DIRECT = 32;
/** Ephemeral keys that are made ahead of time. */
const KEYS_KEPT = 2;

/** Sends a sealed signal. */
export type SendSignal = (room: string, to: string, kind: SignalKind, attempt: number, packet: Uint8Array) => void;

/** So many random bytes. */
export function randomBytes(count: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(count));
}

/** Ephemeral keys made ahead of time: when a peer is announced, so that what is first said to it need not wait. */
class Ephemerals {
  readonly #keys: PrivateKey[] = [];

  /** Have some ready. */
  prepare(): void {
    while (this.#keys.length < KEYS_KEPT) this.#keys.push(new PrivateKey(randomBytes(KEY)));
  }

  /** One that nobody has had. */
  take(): PrivateKey {
    return this.#keys.pop() ?? new PrivateKey(randomBytes(KEY));
  }
}

/** What all links of one client share: numbers of halves, halves that ended, keys, and limits over all links. */
export class Shared {
  readonly ended = new EndedHalves();
  readonly budget = new Budget();
  readonly quota = new Quota(MAX_DIRECT);
  readonly ephemerals = new Ephemerals();
  readonly makeConnection: MakeConnection | undefined;
  #number = 0;

  /** `makeConnection`: what makes WebRTC connections; undefined where there is nothing that does. */
  constructor(makeConnection: MakeConnection | undefined) {
    this.makeConnection = makeConnection;
  }

  /** The number of the next half. */
  nextNumber(): number {
    this.#number += 1;
    return this.#number;
  }
}

/** Makes the links of one room: the cores, the paths and the callbacks between them, wired in one place. */
export class LinkMaker {
  readonly #membership: Membership;
  readonly #shared: Shared;
  readonly #relays: Relays;
  readonly #sendSignal: SendSignal;
  readonly #static: PrivateKey;
  readonly #direct: boolean;
  #iceServers: readonly RTCIceServer[] = [];

  /** `direct`: whether direct paths are wanted. */
  constructor(membership: Membership, shared: Shared, relays: Relays, sendSignal: SendSignal, direct: boolean) {
    this.#membership = membership;
    this.#shared = shared;
    this.#relays = relays;
    this.#sendSignal = sendSignal;
    this.#static = new PrivateKey(membership.static);
    this.#direct = direct && shared.makeConnection !== undefined;
  }

  /** The STUN and TURN servers for attempts from now on. */
  useIceServers(servers: readonly IceServer[]): void {
    this.#iceServers = iceServersFrom(servers);
  }

  /** Until what the links have given to the relay is on its way: a last acknowledgement before leaving. */
  async sent(): Promise<void> {
    await this.#relays.sent();
  }

  /** The link to a peer that has just been announced. */
  make(room: Room, peer: Peer, remote: Remote): Link {
    const time = now();
    const { identity, incarnation, statement } = this.#membership;
    const { ended, budget, quota, ephemerals, makeConnection } = this.#shared;
    const core = new LinkCore({
      room: room.name,
      me: { id: identity.id, key: identity.key, incarnation, staticPrivate: this.#static, statement },
      peer: remote,
      ended,
      nextNumber: () => this.#shared.nextNumber(),
      random: randomBytes,
      settings: { direct: this.#direct },
      rules: RULES,
      budget,
      now: time,
      ephemeral: () => ephemerals.take(),
    });
    ephemerals.prepare();
    const negotiation = new Negotiation({ offers: identity.id < peer.id, random: Math.random, now: time });
    const attempts = new Attempts(negotiation, {
      quota,
      makeConnection,
      iceServers: () => this.#iceServers,
      sendSignal: (kind, attempt, payload) => link.signal(kind, attempt, payload),
      onOpen: (attempt) => link.directOpened(attempt),
      onPacket: (attempt, packet) => link.directPacket(attempt, packet),
      onDrain: (attempt) => link.directDrained(attempt),
      onEnded: (attempt) => link.directEnded(attempt),
    });
    const relay = new RelayPath<Outgoing>(this.#relays, room.name, peer.id, {
      onDrain: () => link.relayDrained(),
      onRefused: (outgoing, code) => link.relayRefused(outgoing, code),
    });
    const link = new Link(core, attempts, relay, this.#direct, {
      onMessage: (received) => peer._received(received),
      onChannel: (key, open) => peer._channel(key, open),
      onPath: (path) => {
        if (path === peer._path) return;
        peer._path = path;
        room._tell(peer, "pathChanged", peer, path);
      },
      onMoved: (seconds) => room.client._reports.moved(seconds),
      onUndelivered: (outbound, reason) => {
        room._tell(peer, "undelivered", new Undelivered(peer, asMessages(peer, outbound), reason));
      },
      onFailed: (reason) => {
        const who = `${peer} (${peer.id}) in room ${JSON.stringify(room.name)}`;
        room.client._report(
          new EitherwayError(`${who} broke the protocol, and another session with it begins: ${reason}`),
        );
      },
      sendSignal: (kind, attempt, packet) => this.#sendSignal(room.name, peer.id, kind, attempt, packet),
    });
    return link;
  }
}
