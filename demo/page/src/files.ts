/** Files on the page: choosing and dropping, a row for each transfer, saving what came. */

import type { Peer, Room } from "eitherway";
import { byId, html, setText } from "./dom.ts";
import { size } from "./format.ts";
import { log } from "./log.ts";
import { fileName } from "./names.ts";
import { drawn } from "./pictures.ts";
import { TAKES, type Transfer, Transfers } from "./transfers.ts";

/** Rows that are kept. */
const MAX_ROWS = 50;

interface Row {
  readonly item: HTMLLIElement;
  readonly bar: HTMLProgressElement;
  readonly status: HTMLElement;
  readonly actions: HTMLElement;
}

export class Files {
  readonly #room: Room;
  readonly #transfers: Transfers;
  readonly #name: (peer: Peer) => string;
  readonly #list = byId("files", HTMLUListElement);
  readonly #to = byId("file-to", HTMLSelectElement);
  readonly #rows = new Map<Transfer, Row>();

  constructor(room: Room, name: (peer: Peer) => string) {
    this.#room = room;
    this.#name = name;
    this.#transfers = new Transfers(room, (transfer) => this.#show(transfer));
    const input = byId("file-input", HTMLInputElement);
    byId("file-choose", HTMLButtonElement).addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      for (const file of input.files ?? []) this.#send(file);
      input.value = "";
    });
    takeDrops((file) => this.#send(file));
    this.peersChanged();
  }

  /** Somebody came, left or changed its name. */
  peersChanged(): void {
    const chosen = this.#to.value;
    const options = this.#takers().map((peer) => html("option", { value: peer.id }, this.#name(peer)));
    this.#to.replaceChildren(html("option", { value: "" }, "everyone"), ...options);
    this.#to.value = options.some((option) => option.value === chosen) ? chosen : "";
    byId("file-choose", HTMLButtonElement).disabled = options.length === 0;
  }

  /** The peer is gone for good. */
  left(peer: Peer): void {
    this.#transfers.left(peer);
    this.peersChanged();
  }

  #takers(): Peer[] {
    return [...this.#room.peers.values()].filter((peer) => peer.profile[TAKES] === true);
  }

  #send(file: File): void {
    const takers = this.#takers();
    if (takers.length === 0) log(`Nobody here takes files: ${fileName(file.name)} was not sent`, "bad");
    for (const peer of takers) {
      if (this.#to.value === "" || this.#to.value === peer.id) void this.#transfers.send(peer, file);
    }
  }

  #show(transfer: Transfer): void {
    const row = this.#rows.get(transfer) ?? this.#add(transfer);
    row.bar.value = transfer.size === 0 ? Number(transfer.state === "done") : transfer.done / transfer.size;
    row.item.dataset["state"] = transfer.state;
    setText(row.status, status(transfer));
    if (transfer.state === "done" || transfer.state === "failed") row.actions.replaceChildren(...this.#saving(transfer));
    if (transfer.content !== null) void showPicture(row.item, transfer.content, transfer.name);
  }

  #add(transfer: Transfer): Row {
    const label = `${transfer.name} ${transfer.direction === "in" ? "from" : "to"} ${this.#name(transfer.peer)}`;
    const bar = html("progress", { max: "1", value: "0", "aria-label": label });
    const status = html("span", { class: "status" });
    const stop = html("button", { type: "button", class: "quiet", "data-testid": "file-stop", "aria-label": `Stop ${label}` }, "Stop");
    stop.addEventListener("click", () => void this.#transfers.stop(transfer));
    const actions = html("span", { class: "actions" }, stop);
    const arrow = html("span", { class: "arrow", "aria-hidden": "true" }, transfer.direction === "in" ? "↓" : "↑");
    const item = html(
      "li",
      { "data-testid": "file", "data-direction": transfer.direction, "data-name": transfer.name },
      html("span", { class: "title" }, arrow, html("b", {}, transfer.name), ` ${transfer.direction === "in" ? "from" : "to"} ${this.#name(transfer.peer)}`),
      actions,
      bar,
      status,
    );
    this.#list.prepend(item);
    const row = { item, bar, status, actions };
    this.#rows.set(transfer, row);
    this.#trim();
    return row;
  }

  #saving(transfer: Transfer): Node[] {
    if (transfer.content === null) return [];
    const url = URL.createObjectURL(transfer.content);
    const save = html("a", { href: url, download: transfer.name, class: "button", "data-testid": "file-save", "aria-label": `Save ${transfer.name}` }, "Save");
    return [save];
  }

  /** The oldest rows go, and with them what they kept. */
  #trim(): void {
    for (const [transfer, row] of this.#rows) {
      if (this.#rows.size <= MAX_ROWS) return;
      if (transfer.state === "moving" || transfer.state === "waiting") continue;
      const url = row.actions.querySelector("a")?.href;
      if (url !== undefined) URL.revokeObjectURL(url);
      this.#transfers.forget(transfer);
      row.item.remove();
      this.#rows.delete(transfer);
    }
  }
}

async function showPicture(item: HTMLLIElement, content: Blob, name: string): Promise<void> {
  const picture = await drawn(content, `Picture: ${name}`);
  if (picture !== null) item.append(picture);
}

function status({ state, done, size: all, why, began, ended, direction }: Transfer): string {
  if (state === "waiting") return `${size(all)}, waiting`;
  if (state === "failed") return why;
  if (state === "moving") return `${size(done)} of ${size(all)}`;
  const seconds = Math.max(ended - began, 1) / 1000;
  return `${size(all)} ${direction === "in" ? "received" : "delivered"}, ${size(Math.round(all / seconds))}/s`;
}

/** Files may be dropped anywhere on the page. */
function takeDrops(take: (file: File) => void): void {
  const carries = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") === true;
  const over = (is: boolean): void => void document.body.classList.toggle("dropping", is);
  document.addEventListener("dragover", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    over(true);
  });
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) over(false);
  });
  document.addEventListener("drop", (event) => {
    over(false);
    if (!carries(event)) return;
    event.preventDefault();
    for (const file of event.dataTransfer?.files ?? []) take(file);
  });
}
