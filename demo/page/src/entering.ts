/** How the page gets into its room: it waits for the server, and asks for a token if it must. */

import { type Client, EitherwayError, Refused, type Room } from "eitherway";
import { log } from "./log.ts";
import { explained, wantsToken } from "./refusals.ts";
import { keepToken } from "./token.ts";
import { askForToken, trouble } from "./trouble.ts";

/** The page in its room. */
export interface Entered {
  readonly client: Client;
  readonly room: Room;
  /** What admitted it; null on a server that asks for none. */
  readonly token: string | null;
}

/**
 * Joins the room, however long the server takes to be there; null: it does not want us, whatever we do. `token` is
 * the one to begin with, if there is one; `make` gives a client that shows a token, `join` has it join.
 */
export async function enter(
  name: string,
  token: string | null,
  make: (token: string | null) => Client,
  join: (client: Client) => Promise<Room>,
): Promise<Entered | null> {
  let shown = token;
  let client = made(make, shown);
  for (;;) {
    try {
      const room = await join(client);
      trouble("");
      return { client, room, token: shown };
    } catch (error) {
      if (wantsToken(error, shown)) {
        void client.close();
        shown = await askForToken(error, shown, name);
        keepToken(shown);
        client = made(make, shown);
        continue;
      }
      trouble(explained(error));
      const waits = error instanceof Refused ? error.retryAfter : 2000;
      if (!(error instanceof EitherwayError) || waits === null) return null;
      await new Promise((resolve) => setTimeout(resolve, waits));
    }
  }
}

function made(make: (token: string | null) => Client, token: string | null): Client {
  const client = make(token);
  client.on("error", (error) => log(explained(error), "bad"));
  return client;
}
