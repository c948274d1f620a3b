/** All transports in a table, which can be sorted by each figure. */

import { html } from "../dom.ts";
import { scale } from "./dots.ts";
import type { MeasuredTable } from "./measured.ts";
import { ordered, type SortKey } from "./order.ts";
import { Row } from "./row.ts";
import { TRANSPORTS, type TransportId } from "./transports.ts";

const COLUMNS: readonly (readonly [SortKey, string])[] = [
  ["median", "median"],
  ["late", "p95"],
  ["bytes", "payload"],
  ["documented", "median"],
  ["wire", "on the wire"],
  ["cpu", "server CPU"],
];

export class Table {
  readonly element: HTMLTableElement;
  readonly #rows: readonly Row[];
  readonly #body: HTMLTableSectionElement;
  readonly #heads = new Map<SortKey, HTMLTableCellElement>();
  #key: SortKey | null = null;

  constructor(measured: MeasuredTable) {
    this.#rows = TRANSPORTS.map((transport) => new Row(transport, measured.rows.get(transport.name)));
    this.#body = html("tbody", { role: "rowgroup" }, ...this.#rows.map(({ element }) => element));
    for (const [key, name] of COLUMNS) this.#heads.set(key, this.#head(key, name));
    const group = (span: string, text: string): HTMLElement =>
      html("th", { scope: "colgroup", role: "columnheader", colspan: span, class: "group" }, text);
    this.element = html(
      "table",
      { class: "transports", role: "table", "data-testid": "compare-table" },
      html("caption", {}, "One event of 200 bytes by each transport"),
      html(
        "thead",
        { role: "rowgroup" },
        html("tr", { role: "row", class: "groups" }, html("td", { role: "cell" }), group("4", "In this browser, now"), group("3", "Between programs")),
        html(
          "tr",
          { role: "row" },
          html("th", { scope: "col", role: "columnheader" }, "Transport"),
          html("th", { scope: "col", role: "columnheader", class: "strip" }, html("span", { class: "unseen" }, "How late, event by event"), scale()),
          ...this.#heads.values(),
        ),
      ),
      this.#body,
    );
  }

  /** The row of a transport. */
  row(id: TransportId): Row {
    const row = this.#rows.find(({ transport }) => transport.id === id);
    if (row === undefined) throw new RangeError(`there is no row of ${id}`);
    return row;
  }

  /** Marks one transport as what the answers come to. */
  recommend(id: TransportId): void {
    for (const row of this.#rows) row.recommend(row.transport.id === id);
  }

  /** Puts the rows in order again: figures have changed. */
  sort(): void {
    for (const [key, head] of this.#heads) head.setAttribute("aria-sort", key === this.#key ? "ascending" : "none");
    this.#body.append(...ordered(this.#rows, this.#key).map(({ element }) => element));
  }

  #head(key: SortKey, name: string): HTMLTableCellElement {
    const between = key === "documented" ? [html("span", { class: "between" }, "between programs")] : [];
    const attributes = { "data-key": key, title: "Sort by this" };
    const button = html("button", { type: "button", "data-testid": "compare-sort", ...attributes }, name, ...between);
    button.addEventListener("click", () => {
      this.#key = this.#key === key ? null : key;
      this.sort();
    });
    return html("th", { scope: "col", role: "columnheader", class: "number", "aria-sort": "none" }, button);
  }
}
