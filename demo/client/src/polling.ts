/** Long-polling whose requests end with it. */

import { Fetch } from "socket.io-client";

/** Milliseconds for the request that tells the server of the end. */
const LAST_WORD = 2_000;

/**
 * Engine.IO's long-polling by `fetch`, but for its end: its own leaves a request that nobody answers hanging for ever,
 * and of those a browser makes no more than six to one server.
 */
export class Polling extends Fetch {
  readonly #ending = new AbortController();

  /** Ask what there is. */
  override doPoll(): void {
    const asked = async (): Promise<void> => {
      const response = await fetch(this.uri(), { credentials: "omit", signal: this.#ending.signal });
      if (response.ok) this.onData(await response.text());
      else this.#failed("fetch read error", response.status);
    };
    asked().catch((error: unknown) => this.#failed("fetch read error", error));
  }

  /** Send a payload. */
  override doWrite(body: string, callback: () => void): void {
    const headers = { "content-type": "text/plain;charset=UTF-8" };
    const signal = this.#ending.signal.aborted ? AbortSignal.timeout(LAST_WORD) : this.#ending.signal;
    fetch(this.uri(), { method: "POST", body, headers, credentials: "omit", signal })
      .then((response) => (response.ok ? callback() : this.#failed("fetch write error", response.status)))
      .catch((error: unknown) => this.#failed("fetch write error", error));
  }

  /** End it. */
  override doClose(): void {
    this.#ending.abort();
    super.doClose();
  }

  #failed(what: string, why: unknown): void {
    if (!this.#ending.signal.aborted) this.onError(what, why, undefined);
  }
}
