/** The direct path: one WebRTC connection with a data channel for each lane. */

import { after, soon } from "../clock.ts";
import { Lane } from "../codec/frames.ts";
import type { Candidate, Description } from "../negotiation/index.ts";
import { checkDescription } from "./description.ts";
import { MAX_PATH_PACKET, type Path } from "./path.ts";

/** Bytes waiting in a channel at which `onDrain` is called, so that the sender is back before SCTP runs dry. */
export const LOW_MARK = 16_384;
/** And what may wait there without anybody being told: beside it there is room for a full frame. */
const LITTLE = 512;
/** Candidates of the peer's that are taken one by one, and that wait for its description. */
export const MAX_CANDIDATES = 64;
/**
 * Seconds that a description waits for candidates at the most: the host's own are found in a few milliseconds, and
 * those in the description need no signal each.
 */
export const HEAD_START = 0.05;

const CHANNELS: readonly (readonly [label: string, id: Lane, init: RTCDataChannelInit])[] = [
  ["reliable", Lane.RELIABLE, {}],
  ["bulk", Lane.BULK, {}],
  ["datagram", Lane.DATAGRAM, { ordered: false, maxRetransmits: 0 }],
];

/** What makes WebRTC connections: `RTCPeerConnection`, the browser's own or one of another library. */
export type MakeConnection = new (configuration?: RTCConfiguration) => RTCPeerConnection;

/** Which way a direct path goes. Types are ICE's: host, srflx, prflx, relay (through a TURN server). */
export interface DirectStats {
  readonly localType: string;
  readonly localAddress: string;
  readonly remoteType: string;
  readonly remoteAddress: string;
}

/** What a direct path is made of, and whom it tells. None of the callbacks may throw. */
export interface DirectOptions {
  readonly offers: boolean;
  readonly iceServers: readonly RTCIceServer[];
  readonly makeConnection: MakeConnection;
  readonly onOpen: () => void;
  readonly onPacket: (lane: Lane, packet: Uint8Array) => void;
  readonly onDrain: () => void;
  readonly onEnded: (reason: string) => void;
  /** A candidate found after the description was given; null: there are no more. */
  readonly onCandidate: (candidate: Candidate) => void;
}

/**
 * One attempt at a direct path, and the path itself once it is open. See `Path`.
 *
 * The offering side calls `offer`, then `takeAnswer`; the other side `answer`. Both pass on what `onCandidate` gets and
 * hand in the peer's candidates by `takeCandidate`. The DTLS certificate that the peer proves must have the fingerprint
 * of its description (K5), else the connection fails and the path ends.
 *
 * `onOpen` comes once, before any packet. `onEnded` comes once, whether or not the path was ever open.
 */
export class DirectPath implements Path {
  readonly attempt: number;
  readonly #options: DirectOptions;
  #connection: RTCPeerConnection | null = null;
  #channels: RTCDataChannel[] = [];
  #open = false;
  #early: [Lane, Uint8Array][] = [];
  #held: Candidate[] | null = [];
  #candidatesTaken = 0;
  /** Whether candidates found from now on are told one by one. */
  #trickles = false;
  #toldAll = false;
  #stats: DirectStats | null = null;
  #reason: string | null = null;
  /** Rejects when the path ends. */
  readonly #over: Promise<never>;
  #tellOver!: (error: Error) => void; // set by the promise's constructor

  constructor(attempt: number, options: DirectOptions) {
    this.attempt = attempt;
    this.#options = options;
    this.#over = new Promise((_, reject) => (this.#tellOver = reject));
    this.#over.catch(() => undefined);
  }

  // ---- connecting. What throws here has ended the path: `onEnded` has been called.

  /** Write an offer, with the candidates that are found at once. Throws Error if the path has ended meanwhile. */
  async offer(): Promise<Description> {
    return await this.#endingOnError(async () => {
      const connection = this.#connect();
      this.#makeChannels(connection);
      const offer = await connection.createOffer();
      this.#checkAlive();
      return await this.#describe(connection, offer);
    });
  }

  /**
   * Take an offer, write the answer, and start connecting.
   *
   * Throws RangeError if the offer is not one that we can take, Error if the path has ended meanwhile.
   */
  async answer(offer: Description): Promise<Description> {
    const answer = await this.#endingOnError(async () => {
      checkDescription(offer, "offer");
      const connection = this.#connect();
      await connection.setRemoteDescription({ type: "offer", sdp: offer.sdp });
      this.#checkAlive();
      this.#makeChannels(connection);
      const described = await connection.createAnswer();
      this.#checkAlive();
      return await this.#describe(connection, described);
    });
    this.#releaseCandidates();
    return answer;
  }

  /** Start connecting. Throws RangeError if the answer is not one that we can take, Error if the path has ended. */
  async takeAnswer(answer: Description): Promise<void> {
    this.#checkAlive();
    const connection = this.#connection;
    if (connection === null) throw new Error("an answer comes after an offer");
    await this.#endingOnError(async () => {
      checkDescription(answer, "answer");
      await connection.setRemoteDescription({ type: "answer", sdp: answer.sdp });
      this.#checkAlive();
    });
    this.#releaseCandidates();
  }

  /** Try a candidate of the peer's; null or an empty one: it has no more. One that is nonsense is left out. */
  takeCandidate(candidate: Candidate): void {
    if (this.#reason !== null) return;
    if (this.#held !== null) {
      if (this.#held.length < MAX_CANDIDATES) this.#held.push(candidate);
      return;
    }
    // That there are no more is not passed on: an engine may then give up when those it knows have failed, though the
    // peer's own checks may be on their way (RFC 8863). An attempt has its deadline.
    if (!candidate?.candidate || this.#candidatesTaken >= MAX_CANDIDATES) return;
    this.#candidatesTaken += 1;
    this.#connection?.addIceCandidate(candidate).catch(() => undefined);
  }

  // ---- the path

  /** Bytes in the channels' send buffers. */
  get waiting(): number {
    return this.#channels.reduce((sum, channel) => sum + channel.bufferedAmount, 0);
  }

  /**
   * Queue one packet. Dropped if the path has ended or is not open yet.
   *
   * Throws RangeError if the packet is empty or larger than `MAX_PATH_PACKET`.
   */
  send(lane: Lane, packet: Uint8Array): void {
    if (packet.length < 1 || packet.length > MAX_PATH_PACKET) {
      throw new RangeError(`a packet has 1 to ${MAX_PATH_PACKET} bytes, not ${packet.length}`);
    }
    const channel = this.#channels[lane];
    if (!this.#open || channel === undefined) return;
    try {
      channel.send(packet as Uint8Array<ArrayBuffer>); // nothing here makes packets of shared memory
      watch(channel, () => this.#drained(channel));
    } catch (error) {
      // The peer has begun to close the channel, or the engine's buffer is full.
      this.#end(`cannot send: ${String(error)}`);
    }
  }

  /** End the path. */
  close(): Promise<void> {
    this.#end("closed");
    return Promise.resolve();
  }

  /** The candidates in use; null while they are not known. */
  stats(): DirectStats | null {
    return this.#stats;
  }

  // ---- what the connection tells

  #opened(): void {
    if (this.#open || this.#reason !== null) return;
    if (this.#channels.some((channel) => channel.readyState !== "open")) return;
    this.#open = true;
    void this.#look();
    this.#options.onOpen();
    for (const [lane, packet] of this.#early.splice(0)) this.#received(lane, packet);
  }

  #received(lane: Lane, data: unknown): void {
    const packet = data instanceof ArrayBuffer ? new Uint8Array(data) : data;
    // Text and empty messages are no packets.
    if (this.#reason !== null || !(packet instanceof Uint8Array) || packet.length === 0) return;
    // The peer was open first, and its packet overtook the end of the handshake.
    if (this.#open) this.#options.onPacket(lane, packet);
    else this.#early.push([lane, packet]);
  }

  #drained(channel: RTCDataChannel): void {
    if (this.#reason !== null) return;
    watch(channel, () => this.#drained(channel));
    this.#options.onDrain();
  }

  #found(candidate: RTCIceCandidate | null): void {
    // One over TCP is one that only asks, of peers that listen; none does.
    if (!this.#trickles || this.#reason !== null || / tcp /i.test(candidate?.candidate ?? "")) return;
    if (!candidate?.candidate) {
      // What was found before may yet be told, where events come from another thread.
      if (!this.#toldAll) this.#options.onCandidate(null);
      this.#toldAll = true;
      return;
    }
    const { sdpMid, sdpMLineIndex } = candidate;
    const text = candidate.candidate.replace(/^a=/, ""); // libdatachannel writes a line of SDP
    this.#options.onCandidate({ candidate: text, sdpMid, sdpMLineIndex: sdpMLineIndex ?? 0 });
  }

  #stateChanged(connection: RTCPeerConnection): void {
    const state = connection.connectionState;
    if (state === "failed" || state === "closed") this.#end(`the connection has ${state}`);
  }

  #end(reason: string): void {
    if (this.#reason !== null) return;
    this.#reason = reason;
    this.#open = false;
    this.#channels = [];
    this.#early = [];
    this.#held = null;
    this.#connection?.close();
    this.#tellOver(new Error(`the direct path has ended: ${reason}`));
    this.#options.onEnded(reason);
  }

  // ---- helpers

  #connect(): RTCPeerConnection {
    this.#checkAlive();
    const connection = new this.#options.makeConnection({ iceServers: [...this.#options.iceServers] });
    this.#connection = connection;
    connection.onicecandidate = (event) => this.#found(event.candidate);
    // Browsers tell the end by a candidate of null as well; whichever comes first.
    connection.onicegatheringstatechange = () => {
      if (connection.iceGatheringState === "complete") this.#found(null);
    };
    connection.onconnectionstatechange = () => this.#stateChanged(connection);
    // The peer could open 65,000 of them.
    connection.ondatachannel = () => this.#end("the peer opened a channel that was not agreed on");
    return connection;
  }

  #makeChannels(connection: RTCPeerConnection): void {
    this.#channels = CHANNELS.map(([label, id, init]) => {
      const channel = connection.createDataChannel(label, { ...init, negotiated: true, id });
      channel.binaryType = "arraybuffer";
      channel.onopen = () => this.#opened();
      channel.onclose = () => this.#end("closed by the peer");
      channel.onmessage = (event) => this.#received(id, event.data);
      channel.onbufferedamountlow = () => this.#drained(channel);
      return channel;
    });
  }

  /** Our description as it is when the candidates that are found at once are in it. */
  async #describe(connection: RTCPeerConnection, description: RTCSessionDescriptionInit): Promise<Description> {
    await connection.setLocalDescription(description);
    await gathered(connection, HEAD_START);
    this.#checkAlive();
    this.#trickles = connection.iceGatheringState !== "complete";
    const sdp = connection.localDescription?.sdp ?? description.sdp ?? "";
    return { type: this.#options.offers ? "offer" : "answer", sdp };
  }

  #releaseCandidates(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const candidate of held) this.takeCandidate(candidate);
  }

  /** See which way it goes: browsers tell it in a report that takes its time. */
  async #look(): Promise<void> {
    const report = await this.#connection?.getStats().catch(() => undefined);
    if (report !== undefined && this.#reason === null) this.#stats = readStats(report);
  }

  #checkAlive(): void {
    if (this.#reason !== null) throw new Error(`the direct path has ended: ${this.#reason}`);
  }

  async #endingOnError<T>(work: () => Promise<T>): Promise<T> {
    try {
      // What is asked of a connection that is closed meanwhile is never answered.
      return await Promise.race([work(), this.#over]);
    } catch (error) {
      this.#end(error instanceof Error ? error.message : String(error));
      throw error;
    }
  }
}

/**
 * Let the channel tell when its buffer has fallen to the low mark; below that, when it is nearly empty, for with less
 * waiting a sender may still have lacked room for a large packet. Small packets alone make it tell nothing.
 */
function watch(channel: RTCDataChannel, missed: () => void): void {
  const waiting = channel.bufferedAmount;
  const mark = waiting > LOW_MARK ? LOW_MARK : LITTLE;
  channel.bufferedAmountLowThreshold = mark;
  // Where the engine has a thread of its own, as in Node, it may have come so far before it knew of the mark.
  if (waiting > mark && channel.bufferedAmount <= mark) soon(missed);
}

/** Until all candidates are found, or so many seconds are over. */
function gathered(connection: RTCPeerConnection, seconds: number): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      cancel();
      connection.removeEventListener("icegatheringstatechange", changed);
      resolve();
    };
    const changed = (): void => {
      if (connection.iceGatheringState === "complete") done();
    };
    const cancel = after(seconds, done);
    connection.addEventListener("icegatheringstatechange", changed);
    changed();
  });
}

function readStats(report: RTCStatsReport): DirectStats | null {
  const all = new Map<string, Record<string, unknown>>();
  report.forEach((stats: Record<string, unknown>, id: string) => all.set(id, stats));
  const transport = [...all.values()].find((stats) => stats["selectedCandidatePairId"] !== undefined);
  const pair =
    all.get(String(transport?.["selectedCandidatePairId"])) ??
    [...all.values()].find((stats) => stats["type"] === "candidate-pair" && stats["selected"] === true);
  const local = all.get(String(pair?.["localCandidateId"]));
  const remote = all.get(String(pair?.["remoteCandidateId"]));
  if (local === undefined || remote === undefined) return null;
  return {
    localType: String(local["candidateType"]),
    localAddress: addressOf(local),
    remoteType: String(remote["candidateType"]),
    remoteAddress: addressOf(remote),
  };
}

function addressOf(candidate: Record<string, unknown>): string {
  return `${String(candidate["address"] ?? candidate["ip"] ?? "unknown")}:${String(candidate["port"])}`;
}
