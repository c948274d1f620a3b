/** What the server answers when it cannot do what a client asked, by the codes of the protocol. */

/** Every code of this version. A newer server may know others, so what is read is a string. */
export const CODES = [
  "bad-request",
  "unauthorized",
  "forbidden",
  "not-found",
  "room-full",
  "not-in-room",
  "unknown-peer",
  "away",
  "busy",
  "replaced",
  "too-large",
  "rate-limited",
  "unsupported-protocol",
  "shutting-down",
  "internal",
] as const;
/** One of the codes. */
export type Code = (typeof CODES)[number];

/** The object under `error` in an acknowledgement, and `data` of a `connect_error`. */
export interface WireError {
  readonly code: string;
  readonly message: string;
  /** Seconds. */
  readonly retry_after?: number;
  /** The held statement (base64url) that comes with `replaced`. */
  readonly statement?: string;
}
