/** The link to one peer in one room: one session over up to two paths. */
export type { LinkCallbacks } from "./callbacks.ts";
export { Link } from "./link.ts";
export type { Pong } from "./questions.ts";
export { DEFAULT, type Key, keyOf, labelOf, laneOf, type Received } from "./received.ts";
export type { LinkStats } from "./stats.ts";
