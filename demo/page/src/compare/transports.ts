/** The transports that the page compares. */

/** A transport's id. */
export type TransportId =
  | "direct"
  | "relay-websocket"
  | "relay-polling"
  | "feed-websocket"
  | "feed-polling"
  | "sse"
  | "ndjson"
  | "long-poll"
  | "webhook";

/** One transport. */
export interface Transport {
  readonly id: TransportId;
  /** As the tables of docs/choosing.md name it. */
  readonly name: string;
  /** Whether it is sealed from end to end: a link. What is posted in a feed can be read by the server. */
  readonly sealed: boolean;
}

/** In the order of docs/choosing.md. */
export const TRANSPORTS: readonly Transport[] = [
  { id: "direct", name: "direct path (WebRTC)", sealed: true },
  { id: "relay-websocket", name: "relay over WebSocket", sealed: true },
  { id: "relay-polling", name: "relay over long-polling", sealed: true },
  { id: "feed-websocket", name: "feed over WebSocket", sealed: false },
  { id: "feed-polling", name: "feed over long-polling", sealed: false },
  { id: "sse", name: "Server-Sent Events", sealed: false },
  { id: "ndjson", name: "lines of JSON (NDJSON)", sealed: false },
  { id: "long-poll", name: "long-poll", sealed: false },
  { id: "webhook", name: "webhook", sealed: false },
];
