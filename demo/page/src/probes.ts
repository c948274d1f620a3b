/** Probes: messages that come back as they are, so that who sent one knows how long there and back took. */

import type { Peer, Room } from "eitherway";
import { LABEL } from "./counting.ts";

/** What travels on the channel of numbered messages, and is none: the echo bot sends back whatever comes there. */
export interface Probe {
  /** The sender's id: who gets its own back has an answer. */
  readonly from: string;
  readonly probe: string;
}

/** Nothing longer is sent back. */
const MAX_PROBE = 1_000;

/** What a peer has sent, if it is a probe. */
export function readProbe(data: unknown): Probe | null {
  if (typeof data !== "object" || data === null) return null;
  const { from, probe } = data as Partial<Record<keyof Probe, unknown>>;
  if (typeof from !== "string" || typeof probe !== "string" || probe.length > MAX_PROBE) return null;
  return { from, probe };
}

/** Sends back the probes of others, for the life of the page: to each peer one at a time, however many it sends. */
export function answerProbes(room: Room): void {
  const answering = new Set<Peer>();
  const answer = async (peer: Peer, probe: Probe): Promise<void> => {
    answering.add(peer);
    try {
      await peer.channel<Probe>(LABEL).send(probe);
    } catch {
      // It has left.
    } finally {
      answering.delete(peer);
    }
  };
  room.channel(LABEL).on("message", ({ peer, data }) => {
    const probe = readProbe(data);
    if (probe !== null && probe.from !== room.id && !answering.has(peer)) void answer(peer, probe);
  });
}
