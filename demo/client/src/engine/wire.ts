/** What carries Engine.IO packets to a server and back. */

import type { Packet } from "./packets.ts";

/** Whom a wire tells. Who has closed it, or has heard `failed` or `closed`, is to pay no heed to what may still come. */
export interface WireListener {
  /** A packet has come. */
  packet(packet: Packet): void;
  /** It does not work, or no longer. */
  failed(error: SocketError): void;
  /** The server has closed it. */
  closed(): void;
}

/** One way to the server, for one connection. */
export interface Wire {
  /** Send packets, in this order. What cannot be sent any more is dropped. */
  send(packets: readonly Packet[]): void;
  /** Resolves when what was sent is on its way, or never will be. */
  drained(): Promise<void>;
  /** The server has opened the connection: under this name, and with so many bytes that it takes at a time. */
  opened(sid: string, limit: number): void;
  /** The page ends: what is sent from now on waits for nothing before it, and outlives the page. */
  hurry(): void;
  /** Close it, and let nothing remain. */
  close(): void;
}

/** Why there is no connection. */
export class SocketError extends Error {
  /** An HTTP status, what a WebSocket tells, or what `fetch` throws. */
  readonly description: unknown;
  /** What the server says of its refusal. */
  readonly data: unknown;

  constructor(message: string, description?: unknown, data?: unknown) {
    super(message);
    this.description = description;
    this.data = data;
  }
}
