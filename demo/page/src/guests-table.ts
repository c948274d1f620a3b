/** Guests, below the peers: members without a key, to whom this page sends nothing. */

import type { Guest } from "eitherway";
import { byId, html } from "./dom.ts";
import { oneLine } from "./names.ts";

/** Shows these guests. */
export function showGuests(guests: Iterable<Guest>): void {
  const rows = [...guests].map(({ id, name }) =>
    html(
      "tr",
      { "data-testid": "guest", "data-guest": id },
      html("th", { scope: "row" }, html("span", {}, oneLine(name, 32))),
      html("td", { colspan: "2" }, html("b", { class: "chip" }, "guest"), ": not sealed, signalling only"),
    ),
  );
  byId("guests", HTMLTableSectionElement).replaceChildren(...rows);
}
