/** The chart of round trips: direct a solid line, over the server a dashed one, as in the picture above it. */

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { type Columns, KEPT } from "./round-trips.ts";

const HEIGHT = 180;

/** A chart that fills the width of its element and follows the theme. */
export class Chart {
  readonly #element: HTMLElement;
  #plot: uPlot | null = null;
  #columns: Columns = [[], [], []];

  constructor(element: HTMLElement) {
    this.#element = element;
    new ResizeObserver(() => this.#plot?.setSize({ width: element.clientWidth, height: HEIGHT })).observe(element);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.repaint());
  }

  /** Shows these figures. */
  show(columns: Columns): void {
    this.#columns = columns;
    if (this.#plot === null) this.#make();
    else this.#plot.setData(columns);
  }

  /** The colours have changed. */
  repaint(): void {
    this.#plot?.destroy();
    this.#plot = null;
    this.show(this.#columns);
  }

  #make(): void {
    const style = getComputedStyle(this.#element);
    // Colours as they come out: a canvas does not know the page's variables.
    const color = (name: string): string => resolved(this.#element, style.getPropertyValue(name));
    const font = `12px ${style.fontFamily}`;
    const axis = { stroke: color("--muted"), font, grid: { stroke: color("--line"), width: 1 }, ticks: { show: false } };
    const line = { width: 2.5, points: { show: false }, spanGaps: false };
    this.#plot = new uPlot(
      {
        width: this.#element.clientWidth || 300,
        height: HEIGHT,
        legend: { show: false },
        cursor: { show: false },
        padding: [10, 22, 0, 0],
        // By powers of ten: a path that was cut makes one slow round trip, which is not to hide all others.
        scales: { x: { time: false, range: [-KEPT, 0] }, y: { distr: 3, range: (_, least, most) => decades(least, most) } },
        axes: [
          { ...axis, size: 26, values: (_, at) => at.map((seconds) => (seconds === 0 ? "now" : `${seconds} s`)) },
          { ...axis, size: 56, splits: (_, __, least, most) => powers(least, most), values: (_, at) => at.map(tick), filter: (_, at) => at },
        ],
        series: [
          {},
          { ...line, stroke: color("--direct") },
          { ...line, stroke: color("--relay"), dash: [7, 5] },
        ],
      },
      this.#columns,
      this.#element,
    );
  }
}

/** The powers of ten, in ms, between which all figures are. */
function decades(least: number | null, most: number | null): [number, number] {
  const from = Math.min(0.1, 10 ** Math.floor(Math.log10(least || 1)));
  return [Math.max(0.01, from), Math.max(100, 10 ** Math.ceil(Math.log10(most || 1)))];
}

function powers(least: number, most: number): number[] {
  const first = Math.round(Math.log10(least));
  return Array.from({ length: Math.round(Math.log10(most)) - first + 1 }, (_, index) => 10 ** (first + index));
}

function tick(ms: number): string {
  return ms >= 1000 ? `${ms / 1000} s` : `${Number(ms.toPrecision(1))} ms`;
}

/** A colour that a canvas understands. */
function resolved(element: HTMLElement, color: string): string {
  const probe = document.createElement("span");
  probe.style.color = color;
  element.append(probe);
  const plain = getComputedStyle(probe).color;
  probe.remove();
  return plain;
}
