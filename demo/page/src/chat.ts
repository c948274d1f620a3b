/** Chat: the room's default channel, so that `eitherway chat` and the echo understand it. */

import type { Peer, Room } from "eitherway";
import { byId, html } from "./dom.ts";
import { size } from "./format.ts";
import { oneLine } from "./names.ts";
import { Pace, pause } from "./pace.ts";

/** Lines that are kept, and characters of one. */
const MAX_LINES = 200;
const MAX_TEXT = 2000;

/** Shows what is said, and says what is typed. */
export class Chat {
  readonly #lines = byId("chat", HTMLDivElement);
  readonly #look: (peer: Peer) => { name: string; hue: number };
  readonly #pace = new Pace(30, 20);

  constructor(room: Room, look: (peer: Peer) => { name: string; hue: number }) {
    this.#look = look;
    const form = byId("chat-form", HTMLFormElement);
    const input = byId("chat-text", HTMLInputElement);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = input.value.trim();
      if (text === "") return;
      input.value = "";
      this.#add("You", "mine", text, "");
      room.send(text).catch((error: unknown) => this.#add("", "failed", `Not sent: ${String(error)}`, ""));
    });
    room.on("message", async ({ peer, data, path }) => {
      const { name, hue } = this.#look(peer);
      this.#add(name, `hue-${hue}`, readable(data), path === "direct" ? "direct" : "over the server");
      await pause(this.#pace.delay(peer.id, performance.now()));
    });
  }

  /** The peer is gone. */
  left(peer: Peer): void {
    this.#pace.forget(peer.id);
  }

  #add(who: string, kind: string, text: string, way: string): void {
    const atEnd = this.#lines.scrollHeight - this.#lines.scrollTop - this.#lines.clientHeight < 40;
    const line = html("p", { class: kind, "data-testid": "chat-line" });
    if (who !== "") line.append(html("b", {}, who), " ");
    line.append(html("span", {}, text));
    if (way !== "") line.append(" ", html("small", {}, way));
    this.#lines.append(line);
    while (this.#lines.childElementCount > MAX_LINES) this.#lines.firstElementChild?.remove();
    if (atEnd) this.#lines.scrollTop = this.#lines.scrollHeight;
  }
}

/** Whatever was sent, as a line of text. */
function readable(data: unknown): string {
  if (typeof data === "string") return oneLine(data, MAX_TEXT);
  if (data instanceof Uint8Array) return `(${size(data.length)})`;
  return oneLine(JSON.stringify(data, (_, value: unknown) => (value instanceof Uint8Array ? `(${size(value.length)})` : value)) ?? "", MAX_TEXT);
}
