/** What happened, newest first. */

import { byId, html } from "./dom.ts";

const MAX_LINES = 100;
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

/** Adds a line; `kind` is its colour: of a path, or of trouble. */
export function log(text: string, kind: "" | "direct" | "relay" | "bad" = ""): void {
  const lines = byId("log", HTMLDivElement);
  lines.prepend(html("p", { class: kind === "" ? null : kind, "data-testid": "log-line" }, html("time", {}, CLOCK.format()), " ", text));
  while (lines.childElementCount > MAX_LINES) lines.lastElementChild?.remove();
}
