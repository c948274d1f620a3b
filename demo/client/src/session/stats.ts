/** Figures of a session, for people to read. */

import type { Instance, PathName } from "./events.ts";
import type { Path, Routes } from "./routing.ts";
import type { Sender } from "./sender.ts";
import type { Watch } from "./watch.ts";

/** One path instance. Times in seconds, sizes in bytes of frames. */
export interface PathStats {
  readonly instance: Instance;
  readonly rtt: number | null;
  readonly rttLeast: number | null;
  readonly rate: number;
  readonly sent: number;
  readonly received: number;
  readonly resent: number;
  readonly suspect: boolean;
}

/** A session. */
export interface SessionStats {
  readonly path: PathName | null;
  readonly paths: readonly PathStats[];
  readonly queued: number;
  readonly unacknowledged: number;
  readonly sentTwice: number;
  readonly suspicions: number;
}

/** The figures of a session that sends by `path` now. */
export function sessionStats(path: PathName | null, routes: Routes, sender: Sender, watch: Watch): SessionStats {
  const [reliable, bulk] = sender.lanes;
  return {
    path,
    paths: [...routes.paths.values()].map(pathStats),
    queued: reliable.queued + bulk.queued,
    unacknowledged: reliable.bytes + bulk.bytes,
    sentTwice: reliable.twice + bulk.twice,
    suspicions: watch.suspicions,
  };
}

function pathStats({ instance, life, sent, received, resent }: Path): PathStats {
  const { srtt: rtt, least: rttLeast, rate, suspect } = life;
  return { instance, rtt, rttLeast, rate, sent, received, resent, suspect };
}
