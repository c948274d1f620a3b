/** Sockets that note what they tell, and servers for them; all are closed after the test. */

import { once } from "node:events";
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";

import { Server as SocketIo } from "socket.io";
import { afterEach, expect } from "vitest";

import { Socket, type SocketError, type SocketOptions } from "../../src/engine/socket.ts";
import { eventually } from "../waiting.ts";

/** What is to be done after the test, the last first. */
export const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A socket and what it has told. */
export class Told {
  opens = 0;
  connects = 0;
  readonly failures: SocketError[] = [];
  readonly losses: string[] = [];
  readonly events: [string, unknown][] = [];
  readonly socket: Socket;

  constructor(port: number, options: Partial<SocketOptions> = {}) {
    const url = `http://127.0.0.1:${port}/socket.io`;
    this.socket = new Socket({ url, namespace: "/", auth: {}, transport: "websocket", ...options }, {
      opened: () => (this.opens += 1),
      connected: () => (this.connects += 1),
      failed: (error) => this.failures.push(error),
      lost: (reason) => this.losses.push(reason),
      event: (name, data) => this.events.push([name, data]),
    });
    ends.push(() => this.socket.close());
  }

  async connected(): Promise<this> {
    await eventually(() => this.connects + this.failures.length > 0, "connecting");
    expect(this.failures).toEqual([]);
    return this;
  }
}

/** Let a server listen; its port. */
export async function listening(http: HttpServer): Promise<number> {
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  ends.push(() => {
    http.closeAllConnections();
    http.close();
  });
  return (http.address() as AddressInfo).port;
}

/** Node's server of Socket.IO, and its port. */
export async function theirs(options: object = {}): Promise<[SocketIo, number]> {
  const http = createServer();
  const io = new SocketIo(http, options);
  ends.push(() => io.disconnectSockets(true));
  return [io, await listening(http)];
}
