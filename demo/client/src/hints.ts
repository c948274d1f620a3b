/** What a browser tells of its network and its page, as a hint that a try to reach the server may do better now. */

/** Call `hint` when the network is back, or the page is looked at again. Returns what takes it off. */
export function listenForHints(hint: () => void): () => void {
  const shown = (): void => {
    if (document.visibilityState === "visible") hint();
  };
  const page = typeof document === "undefined" ? undefined : document;
  // Node has neither events of its own nor a document.
  globalThis.addEventListener?.("online", hint);
  page?.addEventListener("visibilitychange", shown);
  return () => {
    globalThis.removeEventListener?.("online", hint);
    page?.removeEventListener("visibilitychange", shown);
  };
}
