/** What docs/choosing.md has measured: the page shows it as it stands there, and no figure is written down twice. */

/** The figures of one transport as the table has them, and the median in ms besides. */
export interface Measured {
  readonly late: string;
  readonly ms: number;
  readonly bytes: string;
  readonly cpu: string;
}

/** The table, by the transports' names; `when`: the line below it, which says when and where. */
export interface MeasuredTable {
  readonly rows: ReadonlyMap<string, Measured>;
  readonly when: string;
}

const COLUMNS = ["late, median", "late, p99", "bytes on the wire", "CPU of the server"];

/** Reads the table of transports out of the page. Throws Error if it is not there, or has other columns. */
export function readMeasured(markdown: string): MeasuredTable {
  const [, text] = /<!-- measured: transports -->(.*?)<!-- end -->/s.exec(markdown) ?? [];
  const lines = (text ?? "").split("\n").filter((line) => line.trim() !== "");
  const [head, , ...rest] = lines.filter((line) => line.startsWith("|")).map(cells);
  if (head === undefined || COLUMNS.join() !== head.slice(1).join()) throw new Error("no table of transports");
  const rows = rest.map(([name = "", late = "", , bytes = "", cpu = ""]): [string, Measured] => [
    name,
    { late, ms: Number.parseFloat(late), bytes, cpu },
  ]);
  return { rows: new Map(rows), when: lines.find((line) => !line.startsWith("|")) ?? "" };
}

/** The cells of a line of a table. */
export function cells(line: string): string[] {
  return line.split("|").slice(1, -1).map((cell) => cell.trim());
}
