/** Figures as people read them. */

const NUMBERS = new Intl.NumberFormat("en");

/** A count, with thousands set apart. */
export function count(value: number): string {
  return NUMBERS.format(value);
}

/** A duration in ms, to three digits: 0.84 ms, 12.3 ms, 431 ms, 2.1 s. */
export function duration(ms: number): string {
  if (ms >= 999.5) return `${(ms / 1000).toFixed(1)} s`;
  return `${ms.toFixed(ms < 10 ? 2 : ms < 100 ? 1 : 0)} ms`;
}

/** A size in bytes: 512 B, 16 kB, 1.4 MB. */
export function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value.toFixed(value < 10 ? 1 : 0)} ${units[unit] ?? ""}`;
}
