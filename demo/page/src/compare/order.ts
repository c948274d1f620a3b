/** In which order rows stand: as in the document, or by one of their figures. */

/** What rows can be sorted by. */
export type SortKey = "median" | "late" | "bytes" | "documented" | "wire" | "cpu";

/** The figures of a row; null: there is none. */
export type Figures = Readonly<Record<SortKey, number | null>>;

/** The rows from the least to the most of a figure, those without it last; without a key as they are. */
export function ordered<Row extends { readonly figures: Figures }>(rows: readonly Row[], key: SortKey | null): Row[] {
  if (key === null) return [...rows];
  return rows.toSorted((one, other) => (one.figures[key] ?? Infinity) - (other.figures[key] ?? Infinity) || 0);
}

/** The number that a figure such as "1,324" or "725 us" begins with; null without one. */
export function numberOf(figure: string): number | null {
  const number = Number.parseFloat(figure.replaceAll(",", ""));
  return Number.isNaN(number) ? null : number;
}
