/** The link to one peer in one room: one session over up to two paths. */
export { Link, type LinkCallbacks, type LinkStats } from "./link.ts";
export type { Pong } from "./questions.ts";
export { DEFAULT, type Key, keyOf, labelOf, laneOf, type Received } from "./received.ts";
