/** Who is here, as a table: what the picture shows, for reading. */

import { byId, html, setText } from "./dom.ts";
import type { Path } from "./round-trips.ts";

/** A row. */
export interface Listed {
  readonly id: string;
  readonly name: string;
  readonly hue: number;
  readonly path: Path;
  readonly away: boolean;
  /** Whether the path in use is cut, so that messages wait. */
  readonly waiting: boolean;
  readonly roundTrip: string;
}

interface Row {
  readonly row: HTMLTableRowElement;
  readonly name: HTMLElement;
  readonly path: HTMLElement;
  readonly roundTrip: HTMLElement;
}

const rows = new Map<string, Row>();

/** Shows these peers. */
export function showPeers(peers: readonly Listed[]): void {
  const body = byId("peers", HTMLTableSectionElement);
  const present = new Set(peers.map((peer) => peer.id));
  for (const [id, { row }] of rows) {
    if (present.has(id)) continue;
    row.remove();
    rows.delete(id);
  }
  for (const peer of peers) {
    const found = rows.get(peer.id) ?? add(body, peer.id);
    setText(found.name, peer.name);
    found.name.className = `hue-${peer.hue}`;
    const way = peer.path === "direct" ? "direct" : "over the server";
    setText(found.path, peer.away ? "away" : peer.waiting ? "waiting" : way);
    found.path.className = `chip ${peer.away ? "away" : peer.waiting ? "waiting" : peer.path}`;
    found.row.dataset["path"] = peer.path;
    setText(found.roundTrip, peer.roundTrip || "–");
  }
}

function add(body: HTMLTableSectionElement, id: string): Row {
  const name = html("span");
  const path = html("span", { "data-testid": "peer-path" });
  const roundTrip = html("td", { class: "number" });
  const row = html("tr", { "data-testid": "peer", "data-peer": id }, html("th", { scope: "row" }, name), html("td", {}, path), roundTrip);
  body.append(row);
  const made = { row, name, path, roundTrip };
  rows.set(id, made);
  return made;
}
