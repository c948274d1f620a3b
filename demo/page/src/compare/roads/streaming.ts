/** A feed read over plain HTTP: as a stream, or by one request after another that waits for the next post. */

import type { OpenRoad } from "../measure.ts";
import { bytesOf } from "../meter.ts";
import type { Posting } from "./posting.ts";

/** Seconds for which a long-poll waits. */
const WAIT = 20;

/** From a request that posts to a stream of Server-Sent Events, or of lines of JSON. */
export function streamRoad(posting: Posting, accept: "text/event-stream" | "application/x-ndjson"): OpenRoad {
  return async (arrived, signal) => {
    const answer = await posting.read(accept, "", signal);
    let received = 0;
    const read = async (): Promise<void> => {
      let rest = "";
      const decoder = new TextDecoder();
      const reader = answer.body?.getReader();
      for (let part = await reader?.read(); part?.value !== undefined; part = await reader?.read()) {
        received += part.value.length;
        const lines = (rest + decoder.decode(part.value, { stream: true })).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) {
          const event = eventIn(line);
          if (event !== null) arrived(event);
        }
      }
    };
    read().catch(() => undefined); // it has ended: events that fail to arrive tell
    return {
      legs: 1,
      send: (event) => posting.post(event),
      bytes: async () => received + posting.bytes,
      close: async () => undefined, // the signal ends it
    };
  };
}

/** From a request that posts to one that waits, and is made again with every answer. */
export function longPollRoad(posting: Posting): OpenRoad {
  return async (arrived, signal) => {
    let received = 0;
    const ask = async (query: string): Promise<Page> => {
      const text = await (await posting.read("application/json", query, signal)).text();
      received += bytesOf(text);
      return JSON.parse(text) as Page;
    };
    let { id } = await ask("");
    const read = async (): Promise<void> => {
      while (!signal.aborted) {
        const page = await ask(`&since=${id}&wait=${WAIT}`);
        id = page.id;
        for (const { data } of page.posts) arrived(String(data));
      }
    };
    read().catch(() => undefined); // the same
    return {
      legs: 1,
      send: (event) => posting.post(event),
      bytes: async () => received + posting.bytes,
      close: async () => undefined, // the signal ends it
    };
  };
}

/** What a feed is answered as JSON. */
interface Page {
  readonly id: number;
  readonly posts: readonly { readonly data: unknown }[];
}

/** The event that a line of a stream brings, if any: a post, and it alone, has a topic. */
export function eventIn(line: string): string | null {
  const json = line.replace(/^data: ?/, "");
  if (!json.startsWith("{")) return null;
  const { topic, data } = JSON.parse(json) as { readonly topic?: unknown; readonly data?: unknown };
  return typeof topic === "string" ? String(data) : null;
}
