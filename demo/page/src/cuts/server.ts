/** Connections to the server that can be cut: WebSocket, and XMLHttpRequest for long-polling. */

import type { Cut } from "./cut.ts";

/** Puts the cut into this page's WebSocket and XMLHttpRequest. To be called before Socket.IO's client is loaded. */
export function installServerCut(cut: Cut): void {
  globalThis.WebSocket = cuttableWebSocket(cut);
  globalThis.XMLHttpRequest = cuttableRequest(cut);
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

function cuttableRequest(cut: Cut): typeof XMLHttpRequest {
  return class extends XMLHttpRequest {
    #aborted = false;

    constructor() {
      super();
      cut.holdEvents(this, ["readystatechange", "load", "loadend", "error", "timeout"]);
    }

    override send(body?: Document | XMLHttpRequestBodyInit | null): void {
      cut.pass(() => {
        if (!this.#aborted) super.send(body);
      });
    }

    override abort(): void {
      this.#aborted = true;
      super.abort();
    }
  };
}
