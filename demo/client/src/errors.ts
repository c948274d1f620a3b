/** The errors of this library. Each says what was wrong and what to do. */

/** The base of every error that this library raises, but for TypeError and RangeError where an argument is wrong. */
export class EitherwayError extends Error {
  override readonly name: string = "EitherwayError";
}

/** The signalling server could not be reached, or the connection to it is closed for good. */
export class ConnectionFailed extends EitherwayError {
  override readonly name = "ConnectionFailed";
}

/** The server refused a request. */
export class Refused extends EitherwayError {
  override readonly name = "Refused";
  /** The protocol's error code, for instance `room-full`. */
  readonly code: string;
  /** Milliseconds after which it may be worth trying again; null if the server did not say. */
  readonly retryAfter: number | null;
  /** The held statement (base64url) that comes with the code `replaced`. */
  readonly statement: string | null;

  constructor(code: string, message: string, retryAfter: number | null = null, statement: string | null = null) {
    super(`${message} (${code})`);
    this.code = code;
    this.retryAfter = retryAfter;
    this.statement = statement;
  }
}

/** This program, or the peer it wanted to reach, is not in the room (any more). */
export class NotInRoom extends EitherwayError {
  override readonly name = "NotInRoom";
}

/** The message is larger than its lane carries. */
export class TooLarge extends EitherwayError {
  override readonly name = "TooLarge";
}

/** Messages whose delivery is unknown: they were sent, but the peer was gone before it acknowledged them. */
export class Undelivered<Peer = unknown, Message = unknown> extends EitherwayError {
  override readonly name = "Undelivered";
  /** Whom they were for. */
  readonly peer: Peer;
  /** In the order in which they were sent. */
  readonly messages: readonly Message[];
  /** Why it is not known. */
  readonly reason: string;

  constructor(peer: Peer, messages: readonly Message[], reason: string) {
    const count = messages.length;
    super(
      count > 0
        ? `${count} message${count === 1 ? "" : "s"} to ${String(peer)} may not have arrived: ${reason}. ` +
            "Send again what must arrive; the other side may see it twice"
        : `everything arrived, but ${String(peer)} may not have handled it all: ${reason}`,
    );
    this.peer = peer;
    this.messages = [...messages];
    this.reason = reason;
  }
}
