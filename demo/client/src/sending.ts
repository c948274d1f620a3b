/** One message to several peers of a room. */

import { asMessage } from "./channel.ts";
import { type FrameType, Lane } from "./codec/frames.ts";
import { NotInRoom, Undelivered } from "./errors.ts";
import { type Key, laneOf } from "./link/index.ts";
import type { Peer } from "./peer.ts";
import { timed, type Waiting } from "./timeout.ts";

/** A link that stays full for so many seconds is reported for its peer, and the room's message to it given up. */
const FULL_SECONDS = 5;

/** A message, encoded. */
export interface Encoded {
  readonly key: Key;
  readonly kind: FrameType;
  readonly payload: Uint8Array;
}

/**
 * Queue a message on every link that has room; `wait` for the others, or leave them out.
 *
 * Resolves to the peers it was not queued for; what timed out is also reported as `undelivered`. Rejects with what kept
 * it from one peer, NotInRoom or RangeError, once all others have it, and with the reason of `signal`.
 */
export async function sendTo(
  peers: readonly Peer[],
  message: Encoded,
  wait: boolean,
  signal: AbortSignal | undefined,
): Promise<Peer[]> {
  const { key, kind, payload } = message;
  if (laneOf(key) === Lane.DATAGRAM) {
    return peers.filter((peer) => !peer._link.outlets.sendDatagram(key, kind, payload));
  }
  const full: Peer[] = [];
  const failures: unknown[] = [];
  for (const peer of peers) {
    // One that is gone, or has no channel to spare, does not keep the message from the others.
    try {
      if (!peer._link.outlets.trySend(key, kind, payload)) full.push(peer);
    } catch (error) {
      failures.push(error);
    }
  }
  const sent = wait ? await Promise.all(full.map((peer) => sendLate(peer, message, signal))) : [];
  if (sent.length > 0) signal?.throwIfAborted();
  if (failures.length > 0) throw failures[0];
  return full.filter((_, index) => sent[index] !== true);
}

/** Whether a message could be sent to a peer whose link was full. */
async function sendLate(peer: Peer, { key, kind, payload }: Encoded, signal: AbortSignal | undefined): Promise<boolean> {
  const stayedFull = `its link stayed full for ${FULL_SECONDS} s`;
  const waiting: Waiting = { timeout: FULL_SECONDS * 1000, ...(signal && { signal }) };
  try {
    await timed(waiting, () => stayedFull, async (either) => await peer._link.outlets.send(key, kind, payload, either));
    return true;
  } catch (error) {
    if (!(error instanceof NotInRoom) && signal?.aborted !== true) {
      peer.room._tell(peer, "undelivered", new Undelivered(peer, [asMessage(peer, key, kind, payload)], stayedFull));
    }
    return false;
  }
}
