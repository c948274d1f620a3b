/** From figures to places: a scale by powers of ten, and what many figures come to. */

/** The ends of the scale, in ms. */
const LEAST = 0.1;
const MOST = 1000;

/** The marks on the scale, in ms. */
export const MARKS: readonly number[] = [0.1, 1, 10, 100, 1000];

/** Where a duration is on the scale, as a share from 0 to 1; what is beyond it is at its end. */
export function place(ms: number): number {
  const share = Math.log(Math.max(ms, LEAST) / LEAST) / Math.log(MOST / LEAST);
  return Math.min(1, share);
}

/** The value that so large a share of all is not above: 0.5 is the median. null of nothing. */
export function percentile(values: readonly number[], share: number): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null;
}
