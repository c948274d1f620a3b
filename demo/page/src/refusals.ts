/** Why a page is not in its room, in words, and what to do about it. */

import { Refused } from "eitherway";

/** The server speaks another version of the protocol than this page: no waiting mends that. */
export function isOutdated(error: unknown): error is Refused {
  return error instanceof Refused && error.code === "unsupported-protocol";
}

/** Whether a token may mend it: there is none, it is no good any more, or it is for something else. */
export function wantsToken(error: unknown, token: string | null): error is Refused {
  if (!(error instanceof Refused)) return false;
  return error.code === "unauthorized" || (error.code === "forbidden" && token !== null);
}

/** What an error means to whoever looks at the page. */
export function explained(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  if (!isOutdated(error)) return text;
  return (
    "This page and the server are of different versions. Reload the page. If it says so again, the server is the older " +
    `one: update it (pip install --upgrade eitherway) and start it anew. It says: ${text}`
  );
}
