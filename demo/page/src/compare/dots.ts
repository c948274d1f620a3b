/** How late single events were, as dots on a scale by powers of ten that all rows share. */

import { svg } from "../dom.ts";
import { MARKS, percentile, place } from "./scale.ts";

/** Dots are spread over so many rows, so that equal ones can be told apart; pixels. */
const TOP = 7;
const SPREAD = 21;

/** One strip of dots; it fills the width of where it is. */
export class Dots {
  readonly element = svg("svg", { class: "dots", "aria-hidden": "true" });
  readonly #dots = svg("g");
  readonly #median = svg("line", { class: "median", y1: "2", y2: "33", visibility: "hidden" });
  readonly #late: number[] = [];

  /** `documented`: what docs/choosing.md has measured, in ms; null: nothing. */
  constructor(documented: number | null) {
    const marks = MARKS.map((ms) => svg("line", { class: "mark", x1: share(ms), x2: share(ms), y1: "0", y2: "100%" }));
    this.element.append(...marks, this.#dots, this.#median);
    if (documented !== null) this.element.append(svg("circle", { class: "documented", cx: share(documented), cy: "50%", r: "5" }));
  }

  /** All that was added. */
  get late(): readonly number[] {
    return this.#late;
  }

  /** An event has come, so many ms late. */
  add(ms: number): void {
    this.#late.push(ms);
    const y = TOP + ((this.#late.length * 8) % SPREAD);
    this.#dots.append(svg("circle", { class: "event", cx: share(ms), cy: String(y), r: "3" }));
    const at = share(percentile(this.#late, 0.5) ?? 0);
    this.#median.setAttribute("x1", at);
    this.#median.setAttribute("x2", at);
    this.#median.setAttribute("visibility", "visible");
  }

  /** Begins anew. */
  clear(): void {
    this.#late.length = 0;
    this.#dots.replaceChildren();
    this.#median.setAttribute("visibility", "hidden");
  }
}

/** The scale itself, for the head of the table. */
export function scale(): SVGSVGElement {
  const labels = MARKS.map((ms, index) => {
    const anchor = index === 0 ? "start" : index === MARKS.length - 1 ? "end" : "middle";
    return svg("text", { x: share(ms), y: "13", "text-anchor": anchor }, ms < 1000 ? `${ms} ms` : `${ms / 1000} s`);
  });
  return svg("svg", { class: "scale", "aria-hidden": "true" }, ...labels);
}

function share(ms: number): string {
  return `${(place(ms) * 100).toFixed(2)}%`;
}
