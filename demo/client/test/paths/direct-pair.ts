/** Pairs of direct paths in one process, connected by hand as a link does it by signals. */

import type { Candidate } from "../../src/negotiation/index.ts";
import { DirectPath, type MakeConnection } from "../../src/paths/direct.ts";
import { End, type Pair } from "./check-path.ts";

/** What Node has for WebRTC; undefined, with the reason told, if it cannot be loaded here. */
export const makeConnection: MakeConnection | undefined = await import("node-datachannel/polyfill").then(
  (polyfill) => polyfill.RTCPeerConnection as unknown as MakeConnection,
  (error: unknown) => {
    console.warn(`the tests of the direct path are left out: node-datachannel cannot be loaded (${String(error)})`);
    return undefined;
  },
);

/**
 * How often a test of real connections is done again: about one in 150 of libdatachannel's is closed by its engine while
 * it takes the answer, and the attempt fails. A link makes another then.
 */
export const RETRIES = 2;

/** The connections that were made, and with what their channels were asked for. */
export const connections: { connection: RTCPeerConnection; asked: [string, RTCDataChannelInit][]; channels: RTCDataChannel[] }[] = [];

/** Makes connections, and notes them. */
export function noting(make: MakeConnection): MakeConnection {
  return class {
    constructor(configuration?: RTCConfiguration) {
      const connection = new make(configuration);
      const noted = { connection, asked: [] as [string, RTCDataChannelInit][], channels: [] as RTCDataChannel[] };
      connections.push(noted);
      const create = connection.createDataChannel.bind(connection);
      connection.createDataChannel = (label, init = {}) => {
        noted.asked.push([label, init]);
        const channel = create(label, init);
        noted.channels.push(channel);
        return channel;
      };
      return connection; // oxlint-disable-line no-constructor-return -- it stands in for the connection's own constructor
    }
  } as unknown as MakeConnection;
}

/** One side: its path, what that told, and the candidates that it found. */
export class DirectEnd extends End {
  readonly path: DirectPath;
  opened = 0;
  readonly candidates: Candidate[] = [];
  other: DirectEnd | null = null;

  constructor({ offers, attempt = 1, iceServers = [] }: { offers: boolean; attempt?: number; iceServers?: RTCIceServer[] }) {
    super();
    if (makeConnection === undefined) throw new Error("there is no WebRTC here");
    this.path = new DirectPath(attempt, {
      offers,
      iceServers,
      makeConnection: noting(makeConnection),
      onOpen: () => {
        this.note("open");
        this.opened += 1;
      },
      onPacket: (lane, packet) => this.onPacket(lane, packet),
      onDrain: () => this.onDrain(),
      onEnded: (reason) => this.onEnded(reason),
      onCandidate: (candidate) => {
        this.note("candidate");
        this.candidates.push(candidate);
        this.other?.path.takeCandidate(candidate);
      },
    });
  }
}

/** The two sides of an attempt that are not connected yet. */
export function ends(): [offering: DirectEnd, answering: DirectEnd] {
  const left = new DirectEnd({ offers: true });
  const right = new DirectEnd({ offers: false });
  left.other = right;
  right.other = left;
  return [left, right];
}

/** Exchange the descriptions. */
export async function describePair(left: DirectEnd, right: DirectEnd): Promise<void> {
  await left.path.takeAnswer(await right.path.answer(await left.path.offer()));
}

/** A pair that is open. */
export async function makeDirectPair(): Promise<Pair<DirectEnd>> {
  const [left, right] = ends();
  await describePair(left, right);
  await left.until(() => left.opened === 1, "open");
  await right.until(() => right.opened === 1, "open");
  return { left, right };
}
