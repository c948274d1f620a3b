/** The link to this room, as text and as a QR code for a phone. */

import { encode } from "uqr";
import { byId, html, svg } from "./dom.ts";

/** Where others find this room; null if the page was opened under an address that only this machine knows. */
export function inviteLink(room: string): string | null {
  const url = new URL(`/?room=${encodeURIComponent(room)}`, location.origin);
  if (!["localhost", "127.0.0.1", "[::1]"].includes(url.hostname)) return url.href;
  // The server was told how this network knows its machine.
  const told = document.querySelector<HTMLMetaElement>('meta[name="eitherway-invite"]')?.content ?? "";
  if (told === "") return null;
  url.hostname = told;
  return url.href;
}

/** Shows the link, the code and a button that copies the link. */
export function showInvite(room: string): void {
  const link = inviteLink(room);
  const here = new URL(`/?room=${encodeURIComponent(room)}`, location.origin).href;
  const field = byId("invite-link", HTMLInputElement);
  const copy = byId("invite-copy", HTMLButtonElement);
  field.value = link ?? here;
  byId("invite-text", HTMLElement).replaceChildren(
    ...(link === null
      ? ["Open this link in another tab or browser of this machine. To let in a phone, start it as ", html("code", {}, "eitherway demo --lan")]
      : ["Open this link on any device of your network, or scan the code with a phone."]),
  );
  if (link !== null) byId("qr", HTMLElement).replaceChildren(drawn(link));
  copy.addEventListener("click", () => {
    void copied(field).then((done) => {
      copy.textContent = done ? "Copied" : "Press Ctrl+C";
      setTimeout(() => {
        copy.textContent = "Copy";
      }, 2000);
    });
  });
}

function drawn(text: string): SVGSVGElement {
  const { data, size } = encode(text, { ecc: "M", border: 2 });
  const squares = data.flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${x} ${y}h1v1h-1z`] : []))).join("");
  return svg(
    "svg",
    { viewBox: `0 0 ${size} ${size}`, role: "img", "aria-label": `QR code of ${text}`, "shape-rendering": "crispEdges" },
    svg("rect", { class: "paper", width: String(size), height: String(size) }),
    svg("path", { class: "print", d: squares }),
  );
}

/** Whether it could be copied; on plain http there is no clipboard, and the text stays selected. */
async function copied(field: HTMLInputElement): Promise<boolean> {
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    return document.execCommand("copy");
  }
}
