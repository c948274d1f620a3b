import type { FrameType, Lane } from "../codec/frames.ts";
import type { PathName } from "../session/events.ts";

/** A channel by its lane and label: in this the two directions meet. One text, so that maps can be keyed by it. */
export type Key = `${Lane}/${string}`;

/** The key of a channel. */
export function keyOf(label: string, lane: Lane): Key {
  return `${lane}/${label}`;
}

/** A key's label. */
export function labelOf(key: Key): string {
  return key.slice(2);
}

/** A key's lane. */
export function laneOf(key: Key): Lane {
  return Number(key[0]) as Lane;
}

/** The key of the default channel: the reliable one without a label. */
export const DEFAULT: Key = "0/";

/** A message or datagram that arrived on a link, before anybody has looked at it. */
export interface Received {
  readonly key: Key;
  readonly kind: FrameType;
  readonly payload: Uint8Array;
  readonly path: PathName;
  /** Of a message: its channel. Of a datagram: counts those of its channel, so that older ones can be told. */
  readonly number: number;
  /** What it takes of the peer's credit until it is handled. */
  readonly charge: number;
  /** Tells sessions apart: what is handled late finds another. */
  readonly epoch: number;
}
