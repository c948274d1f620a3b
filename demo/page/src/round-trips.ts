/** Round-trip times of the last minute by path, as a chart wants them. No clock of its own. */

/** The two paths. */
export type Path = "direct" | "relay";

/** Columns for a chart: seconds before now (0 or less), and by path ms or null. */
export type Columns = [number[], (number | null)[], (number | null)[]];

/** Seconds that are kept. */
export const KEPT = 60;

interface Sample {
  readonly at: number;
  readonly direct: number | null;
  readonly relay: number | null;
}

export class RoundTrips {
  #samples: Sample[] = [];
  #now: Record<Path, number[]> = { direct: [], relay: [] };

  /** A round trip was measured, in ms. */
  add(path: Path, ms: number): void {
    this.#now[path].push(ms);
  }

  /** Closes the interval that ends at `now` (seconds): the median of what was measured in it, by path. */
  close(now: number): void {
    this.#samples.push({ at: now, direct: median(this.#now.direct), relay: median(this.#now.relay) });
    this.#now = { direct: [], relay: [] };
    this.#samples = this.#samples.filter((sample) => sample.at > now - KEPT);
  }

  /** The newest figure of a path within the last 10 s, in ms, or null. */
  newest(path: Path, now: number): number | null {
    for (const sample of this.#samples.toReversed()) {
      if (sample.at < now - 10) break;
      if (sample[path] !== null) return sample[path];
    }
    return null;
  }

  /** All that is kept. */
  columns(now: number): Columns {
    return [
      this.#samples.map((sample) => sample.at - now),
      this.#samples.map((sample) => sample.direct),
      this.#samples.map((sample) => sample.relay),
    ];
  }
}

/** The median, or null of nothing. */
export function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? null;
}
