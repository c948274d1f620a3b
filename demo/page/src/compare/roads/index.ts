/** How an event goes by each transport; a webhook goes to no page. */

import type { Context } from "../context.ts";
import type { OpenRoad } from "../measure.ts";
import type { TransportId } from "../transports.ts";
import { directRoad } from "./direct.ts";
import { Posting } from "./posting.ts";
import { relayRoad } from "./relay.ts";
import { longPollRoad, streamRoad } from "./streaming.ts";
import { watchingRoad } from "./watching.ts";

/** The road of each transport, in a room to measure in; `topic` is one that nobody has posted to. */
export function roadFor(id: TransportId, context: Context, room: string, topic: string): OpenRoad | null {
  const posting = (): Posting => new Posting(context.room.client.url, room, context.token, topic);
  switch (id) {
    case "direct":
      return directRoad(context);
    case "relay-websocket":
      return relayRoad(context, room, ["websocket"]);
    case "relay-polling":
      return relayRoad(context, room, ["polling"]);
    case "feed-websocket":
      return watchingRoad(context, room, posting(), ["websocket"]);
    case "feed-polling":
      return watchingRoad(context, room, posting(), ["polling"]);
    case "sse":
      return streamRoad(posting(), "text/event-stream");
    case "ndjson":
      return streamRoad(posting(), "application/x-ndjson");
    case "long-poll":
      return longPollRoad(posting());
    case "webhook":
      return null;
  }
}
