/** What a direct path has carried, as the browser tells it: payloads of UDP, all that DTLS and SCTP add included. */

import type { Peer } from "eitherway";

/** Stats as they come: each kind has fields of its own. */
type Stats = Readonly<Record<string, unknown>>;

/** Bytes to and from a peer by its direct path; null where the browser does not tell, or not of this path. */
export async function carriedDirectly(peer: Peer, connections: Iterable<RTCPeerConnection>): Promise<number | null> {
  const way = peer.stats().paths.find(({ path }) => path === "direct")?.candidates;
  if (!way) return null;
  for (const connection of connections) {
    const all = new Map<string, Stats>();
    (await connection.getStats()).forEach((stats: Stats, id: string) => all.set(id, stats));
    const pairs = [...all.values()].filter(({ type }) => type === "candidate-pair");
    const ours = pairs.some(
      (pair) =>
        addressOf(all.get(String(pair["localCandidateId"]))) === way.localAddress &&
        addressOf(all.get(String(pair["remoteCandidateId"]))) === way.remoteAddress,
    );
    if (ours) return pairs.reduce((sum, pair) => sum + numberIn(pair, "bytesSent") + numberIn(pair, "bytesReceived"), 0);
  }
  return null;
}

/** As the client spells it. */
function addressOf(candidate: Stats = {}): string {
  return `${String(candidate["address"] ?? candidate["ip"] ?? "unknown")}:${String(candidate["port"])}`;
}

function numberIn(stats: Stats, name: string): number {
  const value = stats[name];
  return typeof value === "number" ? value : 0;
}
