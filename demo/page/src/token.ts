/** The token that admits this page, where a server asks for one: given behind the # of its address, kept for this tab. */

const KEY = "eitherway.token";

/** What of a browser this needs; `storage` is null where the user forbids it. */
export interface Place {
  readonly location: { readonly pathname: string; readonly search: string; readonly hash: string };
  readonly history: { replaceState(data: unknown, unused: string, url: string): void };
  readonly storage: Pick<Storage, "getItem" | "setItem"> | null;
}

/** The token in the fragment of an address, or null. A fragment is nothing that a browser sends to a server. */
export function tokenIn(hash: string): string | null {
  return new URLSearchParams(hash.replace(/^#/, "")).get("token") || null;
}

/** This page's token, or null. One in the address is taken out of it, before anybody sees or copies it. */
export function takeToken({ location, history, storage }: Place = thisPlace()): string | null {
  const given = tokenIn(location.hash);
  if (given === null) return storage?.getItem(KEY) ?? null;
  history.replaceState(null, "", location.pathname + location.search);
  keepToken(given, storage);
  return given;
}

/** Keeps a token for as long as this tab is open; where nothing can be kept, for as long as the page. */
export function keepToken(token: string, storage: Place["storage"] = thisPlace().storage): void {
  try {
    storage?.setItem(KEY, token);
  } catch {
    // The storage is full or blocked.
  }
}

function thisPlace(): Place {
  let storage: Storage | null = null;
  try {
    storage = sessionStorage;
  } catch {
    // The user forbids it.
  }
  return { location, history, storage };
}
