// oxlint-disable-next-line typescript/triple-slash-reference -- whoever compiles this file alone, as the page does, needs it
/// <reference path="./ws.d.ts" />
/** Engine.IO over a WebSocket: each packet is a message. */

import NodeWebSocket from "ws"; // browsers get a stub in its place

import type { Packet } from "./packets.ts";
import { SocketError, type Wire, type WireListener } from "./wire.ts";

/** In Node that of `ws`: Node 20 has none of its own, and that of later ones does not say why it fails. */
function open(url: string): WebSocket {
  return new ("OPEN" in NodeWebSocket ? NodeWebSocket : WebSocket)(url);
}

/** A WebSocket to a server. */
export class WebSocketWire implements Wire {
  readonly #socket: WebSocket;

  /** `url`: http or https, up to the query. */
  constructor(url: string, listener: WireListener) {
    const socket = open(`${url.replace("http", "ws")}&transport=websocket`);
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => listener.packet(typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer));
    socket.onerror = (event) => listener.failed(new SocketError("websocket error", event));
    socket.onclose = () => listener.closed();
  }

  send(packets: readonly Packet[]): void {
    if (this.#socket.readyState !== 1) return; // it is closing, and nobody has told us yet: browsers would complain
    for (const packet of packets) this.#socket.send(packet as string);
  }

  async drained(): Promise<void> {}

  opened(): void {}

  hurry(): void {}

  close(): void {
    this.#socket.close();
  }
}
