/** What a browser tells of its network and its page: that a try to reach the server may do better now, and the end. */

/** Call `hint` when the network is back or another one, or the page is looked at again. Returns what takes it off. */
export function listenForHints(hint: () => void): () => void {
  const shown = (): void => {
    if (document.visibilityState === "visible") hint();
  };
  const page = typeof document === "undefined" ? undefined : document;
  // Not every browser tells of its network; Node has neither events of its own nor a document.
  const network = (globalThis.navigator as { readonly connection?: EventTarget } | undefined)?.connection;
  network?.addEventListener("change", hint);
  globalThis.addEventListener?.("online", hint);
  page?.addEventListener("visibilitychange", shown);
  return () => {
    network?.removeEventListener("change", hint);
    globalThis.removeEventListener?.("online", hint);
    page?.removeEventListener("visibilitychange", shown);
  };
}

/**
 * Call `ended` when the page ends: its tab is closed, it is loaded again, or another takes its place. Not when it is put
 * away to be shown again. Returns what takes it off.
 */
export function listenForEnd(ended: () => void): () => void {
  const hidden = (event: Event): void => {
    if (!(event as PageTransitionEvent).persisted) ended();
  };
  globalThis.addEventListener?.("pagehide", hidden);
  return () => globalThis.removeEventListener?.("pagehide", hidden);
}
