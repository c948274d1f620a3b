/** One transport as a row: what was measured here, and what docs/choosing.md has measured. */

import { html, setText, svg } from "../dom.ts";
import { count, duration } from "../format.ts";
import { Dots } from "./dots.ts";
import type { Measured } from "./measured.ts";
import { type Figures, numberOf } from "./order.ts";
import { percentile } from "./scale.ts";
import type { Transport } from "./transports.ts";

const NONE = "–";
const LOCK = "M3 7h10v7H3zM5.5 7V4.5a2.5 2.5 0 0 1 5 0V7";
const EYE = "M1 8c3.5-6 10.5-6 14 0c-3.5 6-10.5 6-14 0zM8 6a2 2 0 1 0 0 4a2 2 0 1 0 0-4";

export class Row {
  readonly transport: Transport;
  readonly element: HTMLTableRowElement;
  readonly #dots: Dots;
  readonly #note = html("span", { class: "remark", "data-testid": "compare-note" });
  readonly #median = cell({ "data-label": "median", "data-testid": "compare-median" }, NONE);
  readonly #late = cell({ "data-label": "p95", "data-testid": "compare-late" }, NONE);
  readonly #bytes = cell({ "data-label": "payload", "data-testid": "compare-bytes" }, NONE);
  readonly #measured: Measured | undefined;
  #payload: number | null = null;

  /** `measured` is undefined for what docs/choosing.md has not measured. */
  constructor(transport: Transport, measured: Measured | undefined) {
    this.transport = transport;
    this.#measured = measured;
    this.#dots = new Dots(measured?.ms ?? null);
    const [kind, mark, text] = transport.sealed ? ["seal sealed", LOCK, "sealed"] : ["seal", EYE, "the server can read this"];
    const drawn = svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, svg("path", { d: mark }));
    const seal = html("span", { class: kind, "data-testid": "compare-seal" }, drawn, text);
    const name = html("span", { class: "transport" }, transport.name, html("b", { class: "taken" }, "for your answers"));
    this.element = html(
      "tr",
      { role: "row", "data-testid": "compare-row", "data-transport": transport.id, "data-state": "idle" },
      html("th", { scope: "row", role: "rowheader" }, name, seal, this.#note),
      html("td", { role: "cell", class: "strip" }, this.#dots.element),
      this.#median,
      this.#late,
      this.#bytes,
      cell({ "data-label": "programs’ median", "data-testid": "compare-documented" }, measured?.late ?? NONE),
      cell({ "data-label": "on the wire", "data-testid": "compare-wire" }, measured?.bytes ?? NONE),
      cell({ "data-label": "server CPU", "data-testid": "compare-cpu" }, measured?.cpu ?? NONE),
    );
    if (transport.id === "webhook") this.#begin("elsewhere", "No webhook reaches a page: these figures are of programs.");
  }

  /** By what it can be sorted. */
  get figures(): Figures {
    const { late } = this.#dots;
    return {
      median: percentile(late, 0.5),
      late: percentile(late, 0.95),
      bytes: this.#payload,
      documented: this.#measured?.ms ?? null,
      wire: numberOf(this.#measured?.bytes ?? ""),
      cpu: numberOf(this.#measured?.cpu ?? ""),
    };
  }

  /** It is not measured after all. */
  clear(): void {
    this.#begin("idle", "");
  }

  /** It is measured from now on. */
  begin(): void {
    this.#begin("measuring", "");
  }

  /** An event was so late, in ms. */
  add(ms: number): void {
    this.#dots.add(ms);
    const { median, late } = this.figures;
    setText(this.#median, median === null ? NONE : duration(median));
    setText(this.#late, late === null ? NONE : duration(late));
  }

  /** All events are here, of so many bytes each; null: the page cannot know. */
  done(bytes: number | null): void {
    this.element.dataset["state"] = "done";
    this.#payload = bytes === null ? null : Math.round(bytes);
    setText(this.#bytes, this.#payload === null ? "not told" : count(this.#payload));
  }

  /** It could not be measured. */
  fail(why: string): void {
    this.#begin("failed", why);
  }

  /** Whether it is what the answers come to. */
  recommend(it: boolean): void {
    this.element.classList.toggle("recommended", it);
  }

  #begin(state: string, note: string): void {
    this.#dots.clear();
    this.#payload = null;
    for (const one of [this.#median, this.#late, this.#bytes]) setText(one, NONE);
    setText(this.#note, note);
    this.element.dataset["state"] = state;
  }
}

function cell(attributes: Readonly<Record<string, string>>, text: string): HTMLTableCellElement {
  return html("td", { role: "cell", class: "number", ...attributes }, text);
}
