/** The panel that compares transports: loaded when it is opened. */

import choosing from "../../../../docs/choosing.md?raw";
import { html, setText } from "../dom.ts";
import "../style/compare.css";
import type { Context } from "./context.ts";
import { groundFor } from "./ground.ts";
import { EVENTS, measure } from "./measure.ts";
import { readMeasured } from "./measured.ts";
import { questions } from "./questions.ts";
import { roadFor } from "./roads/index.ts";
import { Table } from "./table.ts";
import { TRANSPORTS } from "./transports.ts";

/** What the columns are. */
const NOTE =
  "How late: from this page to this page by way of the server; for the direct path, half of there and back. Payload: " +
  "bytes that this page sends and receives for an event, as frames of WebSockets, bodies of HTTP or datagrams, without " +
  "the headers that no page can see. On the wire: all bytes, as a network device counts them; that and the server’s CPU " +
  "are as docs/choosing.md has them:";

export class Panel {
  readonly #context: Context;
  readonly #table: Table;
  readonly #button = html("button", { type: "button", class: "measure", "data-testid": "compare-measure" }, "Measure");
  readonly #status = html("p", { role: "status", class: "progress", "data-testid": "compare-status" });
  /** The room to measure in, as long as this page lives. */
  readonly #ground: string;
  #running: AbortController | null = null;

  /** Fills this element. */
  constructor(element: HTMLElement, context: Context) {
    this.#context = context;
    const measured = readMeasured(choosing);
    const { room, token } = context;
    this.#ground = groundFor(token, `compare-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`, room.name);
    this.#table = new Table(measured);
    this.#button.addEventListener("click", () => {
      if (this.#running === null) this.#start();
      else this.stop();
    });
    element.replaceChildren(
      html(
        "div",
        { class: "compare-head" },
        html(
          "div",
          { class: "measuring" },
          html("p", {}, `${EVENTS} events, 50 a second, by each transport that this page can use, one after another.`),
          this.#button,
          this.#status,
          html(
            "ul",
            { class: "compare-legend" },
            html("li", { class: "event" }, "one event, here"),
            html("li", { class: "median" }, "their median"),
            html("li", { class: "documented" }, "the median between programs"),
          ),
        ),
        questions(({ transport }) => this.#table.recommend(transport)),
      ),
      this.#table.element,
      html("p", { class: "note" }, `${NOTE} ${measured.when}`),
    );
  }

  /** Ends what is under way: nothing of it remains in any room. */
  stop(): void {
    this.#running?.abort();
  }

  #start(): void {
    this.#running = new AbortController();
    this.#button.textContent = "Stop";
    void this.#measureAll(this.#running.signal).finally(() => {
      this.#running = null;
      this.#button.textContent = "Measure again";
    });
  }

  async #measureAll(signal: AbortSignal): Promise<void> {
    const topic = `compare.${Date.now()}`;
    let done = 0;
    for (const [index, { id, name }] of TRANSPORTS.entries()) {
      const open = roadFor(id, this.#context, this.#ground, `${topic}.${id}`);
      if (open === null) continue;
      const row = this.#table.row(id);
      setText(this.#status, `Measuring: ${name}, ${index + 1} of ${TRANSPORTS.length - 1}.`);
      row.begin();
      try {
        if (id !== "direct" && this.#context.cuts().server) throw new Error("The server is cut off: heal it above.");
        row.done(await measure(open, (ms) => row.add(ms), signal));
        done += 1;
      } catch (error) {
        if (signal.aborted) {
          row.clear();
          break;
        }
        row.fail(error instanceof Error ? error.message : String(error));
      }
    }
    setText(this.#status, signal.aborted ? "Stopped." : `Measured ${done} of ${TRANSPORTS.length - 1} transports.`);
    this.#table.sort();
  }
}
