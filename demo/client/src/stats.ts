import type { LinkStats } from "./link/index.ts";
import type { DirectStats } from "./paths/direct.ts";
import type { PathName } from "./session/events.ts";
import type { PathStats as SessionPathStats } from "./session/stats.ts";

/** The figures of one path to a peer. Times in milliseconds, sizes in bytes. */
export interface PathStats {
  readonly path: PathName;
  /** Which attempt a direct path is; null for the relay. */
  readonly attempt: number | null;
  /** The smoothed round trip; null before one was measured. */
  readonly rtt: number | null;
  /** The shortest round trip. */
  readonly rttLeast: number | null;
  /** Bytes a second that got through lately. */
  readonly rate: number;
  readonly sent: number;
  readonly received: number;
  /** Of those sent, what had been sent before. */
  readonly resent: number;
  /** Whether it is silent or unproved just now, and the relay carries on. */
  readonly suspect: boolean;
  /** Which way a direct path goes: types and addresses of its ICE candidates; null where they are not known. */
  readonly candidates: DirectStats | null;
}

/** The figures of the link to a peer, as of now. They begin anew with each session. */
export interface PeerStats {
  /** Where a message would go now; null while there is no way. */
  readonly path: PathName | null;
  readonly paths: readonly PathStats[];
  /** Bytes that wait for credit, window or a path. */
  readonly queued: number;
  /** Bytes that were sent and not acknowledged. */
  readonly unacknowledged: number;
  /** Bytes that were sent more than once. */
  readonly sentTwice: number;
  /** How often a direct path fell silent and the relay took over. */
  readonly suspicions: number;
  /** Attempts at a direct path. */
  readonly attempts: number;
  /** Packets that were dropped, by reason. */
  readonly drops: Readonly<Record<string, number>>;
}

/** A link's figures as the public API shows them. */
export function peerStats({ session, attempts, direct, drops }: LinkStats): PeerStats {
  const { path, paths, ...bytes } = session;
  return { path, paths: paths.map((one) => pathStats(one, direct)), ...bytes, attempts, drops: Object.fromEntries(drops) };
}

function pathStats(
  { instance, rtt, rttLeast, ...bytes }: SessionPathStats,
  direct: ReadonlyMap<number, DirectStats>,
): PathStats {
  const attempt = instance.type === "direct" ? instance.attempt : null;
  return {
    path: instance.type,
    attempt,
    rtt: milliseconds(rtt),
    rttLeast: milliseconds(rttLeast),
    ...bytes,
    candidates: attempt === null ? null : (direct.get(attempt) ?? null),
  };
}

function milliseconds(seconds: number | null): number | null {
  return seconds === null ? null : seconds * 1000;
}
