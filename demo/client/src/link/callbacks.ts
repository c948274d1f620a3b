import type { SignalKind } from "../protocol/events.ts";
import type { Outbound, PathName } from "../session/events.ts";
import type { Key, Received } from "./received.ts";

/** What a link tells the objects above it. */
export interface LinkCallbacks {
  readonly onMessage: (received: Received) => void;
  /** The peer opened its direction of a channel, or sends no more on it. */
  readonly onChannel: (key: Key, open: boolean) => void;
  readonly onPath: (path: PathName) => void;
  /**
   * `way` may be another one, or the link is over; `seconds`: it is direct for the first time, so long after that was
   * wanted.
   */
  readonly onMoved: (seconds?: number) => void;
  readonly onUndelivered: (messages: readonly Outbound[], reason: string) => void;
  /** The peer broke the protocol, and another session begins. */
  readonly onFailed: (reason: string) => void;
  /** Pass a sealed signal on. */
  readonly sendSignal: (kind: SignalKind, attempt: number, packet: Uint8Array) => void;
}
