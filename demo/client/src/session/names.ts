/** What lanes and messages are called in errors. */

import type { FrameType, Lane } from "../codec/frames.ts";

const LANES = ["reliable", "bulk", "datagram"];
const MESSAGES = ["", "bytes", "text", "value"];

/** A lane's name, for people. */
export function laneName(lane: Lane): string {
  return LANES[lane] ?? String(lane);
}

/** What a frame's message is called, for people. */
export function messageName(type: FrameType): string {
  return MESSAGES[type] ?? String(type);
}
