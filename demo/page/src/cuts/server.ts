/** Connections to the server that can be cut: WebSocket, and `fetch` for long-polling. */

import type { Cut } from "./cut.ts";

/** Puts the cut into this page's WebSocket and `fetch`. To be called before Socket.IO's client is loaded. */
export function installServerCut(cut: Cut): void {
  globalThis.WebSocket = cuttableWebSocket(cut);
  globalThis.fetch = cuttableFetch(cut, globalThis.fetch.bind(globalThis));
}

function cuttableWebSocket(cut: Cut): typeof WebSocket {
  return class extends WebSocket {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      cut.holdEvents(this, ["open", "message", "error", "close"]);
    }

    override send(data: string | Blob | BufferSource): void {
      cut.pass(() => {
        if (this.readyState === WebSocket.OPEN) super.send(data);
      });
    }

    override close(code?: number, reason?: string): void {
      // The server cannot hear of it: it finds out by itself, or when the cut is healed.
      if (this.readyState === WebSocket.OPEN) cut.pass(() => super.close(code, reason));
      else super.close(code, reason);
    }
  };
}

/** `fetch`, with a cut: requests wait before they go, and answers before they are told of. */
export function cuttableFetch(cut: Cut, fetch: typeof globalThis.fetch): typeof globalThis.fetch {
  return async (input, init) => {
    await healed(cut, init?.signal);
    const response = await fetch(input, init);
    await healed(cut, init?.signal);
    return response;
  };
}

/** Until the network is whole. Rejects with the signal's reason when it is aborted meanwhile. */
function healed(cut: Cut, signal: AbortSignal | null | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    cut.pass(resolve);
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
