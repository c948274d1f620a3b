/** Engine.IO over long-polling: a request that waits for what the server has to say, and requests that say something. */

import { MAX_POLL_PACKETS } from "../protocol/limits.ts";
import { encodeUtf8 } from "../protocol/utf8.ts";
import { CLOSE, joinParts, type Packet, readPayload, toPart } from "./packets.ts";
import { SocketError, type Wire, type WireListener } from "./wire.ts";

/** Milliseconds for what is said at the end: of unanswered requests a browser makes no more than six to one server. */
const LAST_WORD = 2_000;
const HEADERS = { "content-type": "text/plain;charset=UTF-8" };

/** Long-polling of a server, by `fetch`. */
export class PollingWire implements Wire {
  readonly #url: string;
  readonly #listener: WireListener;
  /** Aborted when it is over ... */
  readonly #over = new AbortController();
  /** ... and when nothing more is to be said. */
  readonly #silent = new AbortController();
  #sid = "";
  #limit = Infinity;
  #requests = 0;
  #closing = false;
  /** Whether the page ends. */
  #ending = false;
  /** Parts of payloads that wait for the request before theirs. */
  #waiting: string[] = [];
  #writing: Promise<void> | null = null;

  /** `url`: http or https, with a query. */
  constructor(url: string, listener: WireListener) {
    this.#url = `${url}&transport=polling`;
    this.#listener = listener;
    void this.#poll();
  }

  send(packets: readonly Packet[]): void {
    if (this.#closing || this.#over.signal.aborted) return;
    const parts = packets.map(toPart);
    if (this.#ending) {
      void this.#say(parts).catch(() => undefined); // nobody is there to be told
      return;
    }
    this.#waiting.push(...parts);
    this.#writing ??= this.#write();
  }

  async drained(): Promise<void> {
    await this.#writing;
  }

  opened(sid: string, limit: number): void {
    this.#sid = `&sid=${sid}`;
    this.#limit = limit;
  }

  hurry(): void {
    this.#ending = true;
  }

  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    const timer = setTimeout(() => this.#silent.abort(), LAST_WORD);
    void this.#sayGoodbye().finally(() => clearTimeout(timer));
  }

  /** Ask what there is, again and again. */
  async #poll(): Promise<void> {
    const { signal } = this.#over;
    try {
      while (!signal.aborted) {
        for (const packet of readPayload(await this.#request({ signal }))) {
          if (signal.aborted) return;
          if (packet === CLOSE) this.#end(() => this.#listener.closed());
          else this.#listener.packet(packet);
        }
      }
    } catch (error) {
      this.#fail("fetch read error", error);
    }
  }

  /** Say what waits, as much at a time as the server takes; one request after another keeps the order. */
  async #write(): Promise<void> {
    try {
      while (this.#waiting.length > 0) await this.#say(this.#waiting.splice(0, this.#fitting()));
    } catch (error) {
      this.#fail("fetch write error", error);
    }
    this.#writing = null;
  }

  /** Say what waits, then end the request that asks: a server whose client is gone reads no more. */
  async #sayGoodbye(): Promise<void> {
    await this.#writing;
    if (this.#over.signal.aborted) return;
    this.#over.abort();
    if (this.#sid !== "") await this.#say([CLOSE]).catch(() => undefined);
  }

  async #say(parts: readonly string[]): Promise<void> {
    const body = joinParts(parts);
    // Browsers take 64 KiB of what is to outlive a page, so it is asked for at the end alone.
    await this.#request({ method: "POST", body, headers: HEADERS, signal: this.#silent.signal, keepalive: this.#ending });
  }

  /** How many of the parts that wait go into one request. */
  #fitting(): number {
    let size = 0;
    const end = this.#waiting.findIndex((part, count) => {
      size += encodeUtf8(part).length + 1;
      return count > 0 && (size - 1 > this.#limit || count === MAX_POLL_PACKETS);
    });
    return end < 0 ? this.#waiting.length : end;
  }

  /** What a request is answered. Rejects with SocketError for a bad status, and with what `fetch` throws. */
  async #request(options: RequestInit): Promise<string> {
    this.#requests += 1; // each has a URL of its own: nobody in between is to answer from memory
    const response = await fetch(`${this.#url}${this.#sid}&t=${this.#requests}`, { ...options, credentials: "omit" });
    const answer = await response.text();
    if (!response.ok) throw new SocketError(answer, response.status);
    return answer;
  }

  #fail(what: string, error: unknown): void {
    const why = error instanceof SocketError ? error.description : error;
    this.#end(() => this.#listener.failed(new SocketError(what, why)));
  }

  #end(tell: () => void): void {
    if (this.#over.signal.aborted) return;
    this.#over.abort();
    this.#silent.abort();
    this.#waiting = [];
    tell();
  }
}
