/**
 * A client of Socket.IO 5 over Engine.IO 4: one namespace, one transport, one connection that does not come back.
 *
 * That is what `../connection.ts` asks for, in a quarter of what Socket.IO's own client has in it. It speaks to any server of
 * these protocols, but asks for no upgrade, and answers no event of the server's.
 */

import * as packets from "./packets.ts";
import { PollingWire } from "./polling.ts";
import { WebSocketWire } from "./websocket.ts";
import { SocketError, type Wire } from "./wire.ts";

export { SocketError } from "./wire.ts";

/** How a server is reached. */
export type Transport = "websocket" | "polling";

/** What becomes of a socket. None of these may throw. */
export interface SocketListener {
  /** A server is there. */
  readonly opened: () => void;
  /** The namespace has let us in; the socket has its `id`. */
  readonly connected: () => void;
  /** It has not come to that, and does no more. */
  readonly failed: (error: SocketError) => void;
  /** It was connected, and is no more. */
  readonly lost: (reason: string) => void;
  /** The server has sent an event; of its arguments the first. */
  readonly event: (name: string, data: unknown) => void;
}

/** Where a socket connects to. */
export interface SocketOptions {
  /** The server's path of Socket.IO. */
  readonly url: string;
  readonly namespace: string;
  readonly auth: object;
  readonly transport: Transport;
}

/** A connection to a namespace, from the beginning on. */
export class Socket {
  /** The server's name for it; empty before it is connected. */
  id = "";
  readonly #options: SocketOptions;
  readonly #listener: SocketListener;
  readonly #wire: Wire;
  readonly #reader = new packets.Reader();
  readonly #replies = new Map<number, (reply: unknown) => void>();
  #asked = 0;
  #over = false;
  /** Milliseconds in which the server has to let hear from itself, and when that time is over. */
  #patience = Infinity;
  #expires = Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Begin to connect. Throws what `WebSocket` throws: in a page on https for a server on http. */
  constructor(options: SocketOptions, listener: SocketListener) {
    this.#options = options;
    this.#listener = listener;
    const Kind = options.transport === "websocket" ? WebSocketWire : PollingWire;
    this.#wire = new Kind(`${options.url}/?EIO=4`, {
      packet: (packet) => this.#receive(packet),
      failed: (error) => this.#lose("transport error", error),
      closed: () => this.#lose("transport close"),
    });
    globalThis.addEventListener?.("offline", this.#offline); // a WebSocket takes long to notice
  }

  /** Send an event; `reply` is called with the first argument of the server's acknowledgement. */
  emit(name: string, data: object, reply?: (reply: unknown) => void): void {
    if (this.#over) return;
    if (Date.now() > this.#expires) {
      this.#lose("ping timeout"); // timers stand still while a machine sleeps
      return;
    }
    if (reply === undefined) {
      this.#send(packets.EVENT, [name, data]);
    } else {
      this.#asked += 1;
      this.#replies.set(this.#asked, reply);
      this.#send(packets.EVENT, [name, data], this.#asked);
    }
  }

  /** Resolves when what was sent is on its way, or never will be. */
  async drained(): Promise<void> {
    await this.#wire.drained();
  }

  /** The page ends: what is sent from now on has to go at once. */
  hurry(): void {
    this.#wire.hurry();
  }

  /** Leave in good order, whatever state it is in, and tell nothing more. */
  close(): void {
    if (this.#over) return;
    if (this.id !== "") this.#send(packets.DISCONNECT);
    this.#end();
  }

  readonly #offline = (): void => this.#lose("transport close");

  #send(type: number, data?: object, id?: number): void {
    this.#wire.send(packets.encodePacket(type, this.#options.namespace, data, id));
  }

  #receive(packet: packets.Packet): void {
    if (this.#over) return;
    try {
      if (typeof packet !== "string") this.#take(packet);
      else if (packet.startsWith(packets.MESSAGE)) this.#take(packet.slice(1));
      else if (packet.startsWith(packets.OPEN)) this.#open(packets.readHandshake(packet.slice(1)));
      else if (packet.startsWith(packets.PING)) {
        this.#wire.send([packets.PONG]);
        this.#wait();
      }
    } catch (error) {
      if (!(error instanceof packets.BadPacket)) throw error;
      this.#lose("parse error");
    }
  }

  #open({ sid, pingInterval, pingTimeout, maxPayload }: packets.Handshake): void {
    this.#wire.opened(sid, maxPayload);
    this.#patience = pingInterval + pingTimeout;
    this.#wait();
    this.#listener.opened();
    this.#send(packets.CONNECT, this.#options.auth);
  }

  /** From now on the server has its time again. */
  #wait(): void {
    clearTimeout(this.#timer);
    this.#expires = Date.now() + this.#patience;
    this.#timer = setTimeout(() => this.#lose("ping timeout"), this.#patience);
  }

  #take(part: packets.Packet): void {
    const packet = this.#reader.take(part);
    if (packet === null || packet.namespace !== this.#options.namespace) return;
    const { type, id, list, fields } = packet;
    if (type === packets.EVENT) {
      if (this.id !== "") this.#listener.event(String(list[0]), list[1]);
    } else if (type === packets.ACK) {
      const reply = this.#replies.get(id);
      this.#replies.delete(id);
      reply?.(list[0]);
    } else if (type === packets.CONNECT) {
      if (this.id !== "") return;
      this.id = String(fields["sid"]);
      this.#listener.connected();
    } else if (type === packets.DISCONNECT) {
      this.#lose("io server disconnect");
    } else {
      this.#lose("refused", new SocketError(String(fields["message"]), undefined, fields["data"]));
    }
  }

  #lose(reason: string, error: SocketError = new SocketError(reason)): void {
    if (this.#over) return;
    this.#end();
    if (this.id === "") this.#listener.failed(error);
    else this.#listener.lost(reason);
  }

  #end(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    globalThis.removeEventListener?.("offline", this.#offline);
    this.#wire.close();
  }
}
