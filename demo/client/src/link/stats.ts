import type { Attempts } from "../attempts.ts";
import type { DirectStats } from "../paths/direct.ts";
import type { LinkCore } from "../session/link-core.ts";
import type { SessionStats } from "../session/stats.ts";

/** A link's figures. Times in seconds, sizes in bytes. */
export interface LinkStats {
  /** The session and its paths. */
  readonly session: SessionStats;
  /** How many attempts at a direct path were made. */
  readonly attempts: number;
  /** Where its direct paths lead, by attempt. */
  readonly direct: ReadonlyMap<number, DirectStats>;
  /** Packets that were dropped, by reason. */
  readonly drops: ReadonlyMap<string, number>;
}

/** The figures as of now. */
export function statsOf(core: LinkCore, attempts: Attempts): LinkStats {
  const direct = new Map<number, DirectStats>();
  for (const [attempt, path] of attempts.paths) {
    const stats = path.stats();
    if (stats !== null) direct.set(attempt, stats);
  }
  return { session: core.session.stats(), attempts: attempts.made, direct, drops: new Map(core.drops) };
}
