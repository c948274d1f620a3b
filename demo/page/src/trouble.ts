/** Why this page is not in its room, as an alert; and where that helps, a field for a token. */

import { byId, html } from "./dom.ts";
import { explained } from "./refusals.ts";

/** Shows what is wrong, with what else there is to say of it. An empty text: nothing is. */
export function trouble(...text: readonly (Node | string)[]): void {
  const element = byId("trouble", HTMLElement);
  element.hidden = text.length === 0 || text[0] === "";
  byId("trouble-text", HTMLElement).replaceChildren(...text);
  byId("token-form", HTMLElement).hidden = true;
}

/** Asks for a token for this room, after what came of the one that was shown, if any. Resolves to what is entered. */
export async function askForToken(error: unknown, shown: string | null, room: string): Promise<string> {
  const form = byId("token-form", HTMLFormElement);
  const field = byId("token", HTMLInputElement);
  const command = `eitherway token --user NAME --room '${room.replaceAll("'", "'\\''")}'`;
  const why = shown === null ? "This server admits by token." : `The token did not let this page in: ${explained(error)}.`;
  trouble(`${why} Whoever runs the server makes one: `, html("code", {}, command));
  form.hidden = false;
  field.value = "";
  return await new Promise((resolve) => {
    form.onsubmit = (event) => {
      event.preventDefault();
      const token = field.value.trim();
      if (token !== "") resolve(token);
    };
  });
}
