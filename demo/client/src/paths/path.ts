/** What a path promises: a dumb pipe of packets. */

import type { Lane } from "../codec/frames.ts";

/** Bytes in the largest packet that a direct path carries; a relay path carries less (`MAX_PACKET`). */
export const MAX_PATH_PACKET = 65_536;

/**
 * One way for packets to travel between two programs, for as long as this instance lives.
 *
 * Packets of one lane arrive in order, whole and once; those of the datagram lane may also be missing or swapped.
 * When a path has ended, an unknown tail of what was sent is missing: whoever needs it sends it again, elsewhere.
 *
 * The owner gives its callbacks when it makes the path, and none of them may throw:
 *
 * - `onPacket(lane, packet)`: one packet from the other side.
 * - `onDrain()`: `waiting` has fallen, to a low mark or to nothing, so there is room again.
 * - `onEnded(reason)`: exactly once, whatever ended the path, `close` included. Nothing is called after it.
 */
export interface Path {
  /** Bytes in this path's send buffer: taken by `send`, not yet handed on. */
  readonly waiting: number;

  /**
   * Queue one packet, of 1 byte or more. What is sent on a path that has ended is dropped.
   *
   * Throws RangeError if the packet is empty, or too large for this path.
   */
  send(lane: Lane, packet: Uint8Array): void;

  /** End the path and give back what it holds. May be called at any time, and again. */
  close(): Promise<void>;
}
