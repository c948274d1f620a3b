/** Posts to a feed over plain HTTP, whoever reads it, and counts the bodies. */

import { bytesOf } from "../meter.ts";

/** The feed of a room over HTTP, and the topic on which this page measures. */
export class Posting {
  readonly topic: string;
  bytes = 0;
  readonly #url: string;
  readonly #token: string | null;

  /** `server`: its URL. */
  constructor(server: string, room: string, token: string | null, topic: string) {
    this.#url = `${server}/api/v1/rooms/${encodeURIComponent(room)}/feed`;
    this.#token = token;
    this.topic = topic;
  }

  /** Posts an event. Rejects with Error that says why it is refused. */
  async post(event: string): Promise<void> {
    const body = JSON.stringify({ topic: this.topic, data: event });
    const headers = { "Content-Type": "application/json", ...this.#headers() };
    const answer = await fetch(this.#url, { method: "POST", body, headers });
    const said = await (await checked(answer)).text();
    this.bytes += bytesOf(body) + bytesOf(said); // at once: other posts are on their way
  }

  /** Reads the feed: what the topic has, as this media type, with more of a query. The same. */
  async read(accept: string, query: string, signal: AbortSignal): Promise<Response> {
    const url = `${this.#url}?topics=${this.topic}${query}`;
    return await checked(await fetch(url, { headers: { Accept: accept, ...this.#headers() }, signal }));
  }

  #headers(): Record<string, string> {
    return this.#token === null ? {} : { Authorization: `Bearer ${this.#token}` };
  }
}

async function checked(answer: Response): Promise<Response> {
  if (answer.ok) return answer;
  const { detail } = (await answer.json().catch(() => ({}))) as { readonly detail?: unknown };
  throw new Error(typeof detail === "string" ? detail : `the server answered ${answer.status}`);
}
