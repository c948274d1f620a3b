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
        padding: [10, 6, 0, 0],
        scales: { x: { time: false, range: [-KEPT, 0] }, y: { range: (_, __, most) => [0, Math.max(1, most * 1.15)] } },
        axes: [
          { ...axis, size: 26, values: (_, at) => at.map((seconds) => (seconds === 0 ? "now" : `${seconds} s`)) },
          { ...axis, size: 56, values: (_, at) => at.map((ms) => `${ms} ms`) },
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

/** A colour that a canvas understands. */
function resolved(element: HTMLElement, color: string): string {
  const probe = document.createElement("span");
  probe.style.color = color;
  element.append(probe);
  const plain = getComputedStyle(probe).color;
  probe.remove();
  return plain;
}
