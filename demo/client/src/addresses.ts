/**
 * When the network that this page is on has changed: a browser does not tell the addresses of its sockets, but it tells
 * this. A connection from an address that is gone is dead, though nothing says so until something times out.
 */

/** What of a browser this needs. */
export interface Network {
  readonly window: Pick<EventTarget, "addEventListener" | "removeEventListener"> | undefined;
  /** `navigator.connection`, where there is one: it also tells when Wi-Fi gives way to mobile. */
  readonly connection: Pick<EventTarget, "addEventListener" | "removeEventListener"> | undefined;
}

/**
 * Call `changed` whenever the network may be another one: it came back, or is of another kind. Connections are worth a
 * look then, and tries to make one worth beginning at once. The function returned ends it. In Node nothing ever tells.
 */
export function onNetworkChange(changed: () => void, network: Network = thisNetwork()): () => void {
  const { window, connection } = network;
  window?.addEventListener("online", changed);
  connection?.addEventListener("change", changed);
  return () => {
    window?.removeEventListener("online", changed);
    connection?.removeEventListener("change", changed);
  };
}

function thisNetwork(): Network {
  const { navigator } = globalThis as { navigator?: { connection?: EventTarget } };
  return {
    window: typeof globalThis.addEventListener === "function" ? globalThis : undefined,
    connection: navigator?.connection,
  };
}
