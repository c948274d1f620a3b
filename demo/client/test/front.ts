/** Something in front of a server, as proxies and broken networks are. */

import { connect, createServer, type Server as NetServer, type Socket } from "node:net";
import { Transform } from "node:stream";

/**
 * How it treats who connects. `pass`: all goes through. `no-websocket`: requests for a WebSocket are swallowed. `silent`:
 * everything is. `hang-up`: connections are closed at once.
 */
export type Manner = "pass" | "no-websocket" | "silent" | "hang-up";

/** Listens at a port of its own, and has a server at `port`. */
export class Front {
  manner: Manner;
  /** Whether what the server says is swallowed. */
  mute = false;
  /** How often somebody has connected. */
  connections = 0;
  readonly #port: number;
  readonly #server: NetServer;
  readonly #open = new Set<Socket>();
  readonly #asked = new Set<Socket>();

  private constructor(port: number, manner: Manner) {
    this.#port = port;
    this.manner = manner;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /** One that listens. */
  static async started(port: number, manner: Manner): Promise<Front> {
    const front = new Front(port, manner);
    await new Promise<void>((resolve) => front.#server.listen(0, "127.0.0.1", resolve));
    return front;
  }

  /** Its URL. */
  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("it does not listen");
    return `http://127.0.0.1:${address.port}`;
  }

  /** On how many connections there was something asked: Node's `fetch` keeps an idle one in stock for some seconds. */
  get open(): number {
    return this.#asked.size;
  }

  /** Break all connections. */
  cut(): void {
    for (const socket of this.#open) socket.resetAndDestroy();
  }

  /** Listen no more. */
  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(socket: Socket): void {
    this.connections += 1;
    this.#open.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.#open.delete(socket);
      this.#asked.delete(socket);
    });
    if (this.manner === "hang-up") {
      socket.destroy();
      return;
    }
    socket.once("data", (head) => {
      this.#asked.add(socket);
      const upgrade = head.toString("latin1").toLowerCase().includes("upgrade: websocket");
      if (this.manner === "silent" || (this.manner === "no-websocket" && upgrade)) {
        socket.resume();
        return;
      }
      const back = connect(this.#port, "127.0.0.1");
      back.on("error", () => socket.destroy());
      back.on("close", () => socket.destroy());
      socket.on("close", () => back.destroy());
      back.write(head);
      const heard = new Transform({ transform: (chunk, _, done) => done(null, this.mute ? undefined : chunk) });
      socket.pipe(back).pipe(heard).pipe(socket);
    });
  }
}
