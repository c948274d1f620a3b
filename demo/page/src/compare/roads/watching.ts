/** A feed watched over Socket.IO, by WebSocket or long-polling. */

import type { ClientOptions } from "eitherway";
import type { Context } from "../context.ts";
import type { OpenRoad } from "../measure.ts";
import { Meter } from "../meter.ts";
import type { Posting } from "./posting.ts";

/** From a request that posts to a client that watches, by this transport. */
export function watchingRoad(
  context: Context,
  room: string,
  posting: Posting,
  transports: NonNullable<ClientOptions["transports"]>,
): OpenRoad {
  return async (arrived) => {
    const meter = new Meter();
    const client = context.makeClient({ transports });
    const close = async (): Promise<void> => {
      await client.close();
      meter.stop();
    };
    try {
      await meter.counts(() => client.connect());
      const watch = await client.feed(room).watch(posting.topic).start();
      const read = async (): Promise<void> => {
        for await (const post of watch) arrived(String(post.data));
      };
      read().catch(() => undefined); // it has ended: events that fail to arrive tell
      const bytes = async (): Promise<number> => meter.bytes + posting.bytes;
      return { legs: 1, send: (event) => posting.post(event), bytes, close };
    } catch (error) {
      await close();
      throw error;
    }
  };
}
