/** Our client of Socket.IO: with Node's own server of it, and with servers that misbehave. */

import { createHash } from "node:crypto";
import { createServer } from "node:http";

import { describe, expect, test, vi } from "vitest";
import NodeWebSocket from "ws";

import { eventually, inTime } from "../waiting.ts";
import { ends, listening, theirs, Told } from "./sockets.ts";

const TRANSPORTS = ["websocket", "polling"] as const;

describe.each(TRANSPORTS)("with Node's Socket.IO, by %s", (transport) => {
  test("events go both ways, with bytes in them, in order", async () => {
    const [io, port] = await theirs();
    io.on("connection", (socket) => socket.onAny((name: string, ...rest: unknown[]) => socket.emit(name, rest[0])));
    const { socket, events } = await new Told(port, { transport }).connected();
    const sent: [string, object][] = [];
    for (let n = 0; n < 300; n += 1) {
      const data = n % 3 === 0 ? { n, packets: [new Uint8Array(n), Uint8Array.of(n & 255)] } : { n, text: "…" };
      sent.push([`event ${n}`, data]);
      socket.emit(`event ${n}`, data);
    }
    await eventually(() => events.length === sent.length, "the echoes");
    expect(events).toEqual(sent);
  });

  test("a reply comes to what it answers", async () => {
    const [io, port] = await theirs();
    io.on("connection", (socket) => {
      const held: (() => void)[] = [];
      socket.on("ask", (data: { n: number; body: Uint8Array }, reply: (answer: object) => void) => {
        held.unshift(() => reply({ n: data.n, body: data.body }));
        if (held.length === 3) for (const answer of held) answer();
      });
    });
    const { socket } = await new Told(port, { transport }).connected();
    const asked = [1, 2, 3].map((n) => new Promise((resolve) => socket.emit("ask", { n, body: Uint8Array.of(n) }, resolve)));
    const answers = await inTime(Promise.all(asked), "the answers");
    expect(answers).toEqual([1, 2, 3].map((n) => ({ n, body: Uint8Array.of(n) })));
  });

  test("a second reply to the same question is nobody's", async () => {
    const [io, port] = await theirs();
    io.on("connection", (socket) => {
      const conn = socket.conn as unknown as { write: (data: string) => void };
      socket.on("ask", () => {
        for (const answer of ["first", "second"]) conn.write(`31["${answer}"]`); // a reply to the first question
        socket.emit("done");
      });
    });
    const { socket, events } = await new Told(port, { transport }).connected();
    const answers: unknown[] = [];
    socket.emit("ask", {}, (answer) => answers.push(answer));
    await eventually(() => events.length > 0, "the end");
    expect(answers).toEqual(["first"]);
  });

  test("nothing that it has begun is left when it is closed or lost", async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((one) => one === "Timeout").length;
    const before = timers();
    const [io, port] = await theirs();
    const { socket } = await new Told(port, { transport }).connected();
    socket.close();
    await eventually(() => timers() <= before, "the end of its timers");
    const { losses } = await new Told(port, { transport }).connected();
    io.disconnectSockets(true);
    await eventually(() => losses.length > 0 && timers() <= before, "the end of its timers");
  });

  test("the namespace and what admits us are told, and who is not let in hears why", async () => {
    const [io, port] = await theirs();
    const seen: object[] = [];
    io.of("/mine").use((socket, next) => {
      seen.push(socket.handshake.auth);
      next(socket.handshake.auth["token"] === "good" ? undefined : Object.assign(new Error("no"), { data: { code: "forbidden" } }));
    });
    const good = await new Told(port, { transport, namespace: "/mine", auth: { token: "good" } }).connected();
    expect(good.opens).toBe(1);
    expect(io.of("/mine").sockets.get(good.socket.id)?.connected).toBe(true);
    const bad = new Told(port, { transport, namespace: "/mine", auth: { token: "bad" } });
    await eventually(() => bad.failures.length > 0, "the refusal");
    expect(bad.failures).toMatchObject([{ message: "no", data: { code: "forbidden" } }]);
    const lost = new Told(port, { transport, namespace: "/nowhere" });
    await eventually(() => lost.failures.length > 0, "the refusal");
    expect(lost.failures[0]?.message).toContain("namespace");
    expect(seen).toEqual([{ token: "good" }, { token: "bad" }]);
  });

  test("the server hears that we leave, and all that we said before", async () => {
    const [io, port] = await theirs();
    const packets: unknown[] = []; // as they arrive: events themselves it drops that come at once with the end
    const reasons: string[] = [];
    io.on("connection", (socket) => {
      socket.conn.on("packet", ({ data }: { data?: unknown }) => packets.push(data));
      socket.on("disconnect", (reason: string) => reasons.push(reason));
    });
    const { socket, losses } = await new Told(port, { transport }).connected();
    for (let n = 0; n < 50; n += 1) socket.emit("word", { n, bytes: new Uint8Array(100) });
    socket.close();
    socket.emit("word", { n: "too late" });
    await eventually(() => reasons.length > 0 && io.engine.clientsCount === 0, "the end");
    expect(reasons).toEqual(["client namespace disconnect"]);
    const words = Array.from({ length: 50 }, (_, n) => [`51-["word",{"n":${n},"bytes":{"_placeholder":true,"num":0}}]`, Buffer.alloc(100)]);
    expect(packets.slice(0, 101)).toEqual([...words.flat(), "1"]);
    expect(losses).toEqual([]);
  });

  test("the server's end is told once", async () => {
    const [io, port] = await theirs();
    const leaving = await new Told(port, { transport }).connected();
    io.disconnectSockets();
    await eventually(() => leaving.losses.length > 0, "the loss");
    expect(leaving.losses).toEqual(["io server disconnect"]);
    const cut = await new Told(port, { transport }).connected();
    for (const socket of io.sockets.sockets.values()) socket.conn.close();
    await eventually(() => cut.losses.length > 0, "the loss");
    expect(cut.losses).toEqual(["transport close"]);
    expect([...leaving.failures, ...cut.failures]).toEqual([]);
  });

  test("it answers pings, and a server that sends none is lost", async () => {
    const [io, port] = await theirs({ pingInterval: 50, pingTimeout: 1_000 });
    const { socket, losses } = await new Told(port, { transport }).connected();
    let pongs = 0;
    io.sockets.sockets.get(socket.id)?.conn.on("packet", ({ type }: { type: string }) => (pongs += Number(type === "pong")));
    await eventually(() => pongs >= 30, "pongs"); // for longer than the server may be silent
    expect(losses).toEqual([]);
    const { conn } = io.sockets.sockets.get(socket.id) as unknown as { conn: { sendPacket: (type: string) => void } };
    const send = conn.sendPacket.bind(conn);
    conn.sendPacket = (type) => {
      if (type !== "ping") send(type);
    };
    await eventually(() => losses.length > 0, "the loss");
    expect(losses).toEqual(["ping timeout"]);
  });

  test("the browser's word that the network is gone ends it", async () => {
    const browser = globalThis as { addEventListener?: unknown; removeEventListener?: unknown };
    const target = new EventTarget();
    const listening = new Set<unknown>();
    browser.addEventListener = (name: string, listener: () => void) => {
      listening.add(listener);
      target.addEventListener(name, listener);
    };
    browser.removeEventListener = (name: string, listener: () => void) => {
      listening.delete(listener);
      target.removeEventListener(name, listener);
    };
    try {
      const [, port] = await theirs();
      const { losses } = await new Told(port, { transport }).connected();
      target.dispatchEvent(new Event("offline"));
      expect(losses).toEqual(["transport close"]);
      const closed = await new Told(port, { transport }).connected();
      closed.socket.close();
      expect(listening.size).toBe(0);
    } finally {
      delete browser.addEventListener;
      delete browser.removeEventListener;
    }
  });

  test("a server that speaks something else is left", async () => {
    for (const word of ["4nonsense", "0null", '40"text"', "452-[]"]) {
      const http = createServer((request, response) => {
        const first = new URL(request.url ?? "", "http://a").searchParams.get("sid") === null;
        response.end(first ? `0{"sid":"s","pingInterval":9000,"pingTimeout":9000,"maxPayload":1000}\x1e${word}` : "6");
      });
      const { failures } = new Told(await listening(http), { transport: "polling" });
      const expected = word === "452-[]" ? 0 : 1;
      await eventually(() => failures.length === expected, "the failure");
      if (expected === 1) expect(failures[0]?.message).toBe("parse error");
    }
  });
});

/** A server of one WebSocket that begins to close it when it is told to, and leaves it at that. Also what it was sent. */
async function closing(): Promise<[port: number, close: () => void, sent: Buffer[]]> {
  const sent: Buffer[] = [];
  let close = (): void => undefined;
  const http = createServer().on("upgrade", (request, socket) => {
    const text = (said: string): boolean => socket.write(Buffer.from(`\x81${String.fromCharCode(said.length)}${said}`, "latin1"));
    const key = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const accepted = createHash("sha1").update(key).digest("base64");
    const head = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"];
    socket.write([...head, `Sec-WebSocket-Accept: ${accepted}`, "", ""].join("\r\n"));
    text('0{"sid":"s","pingInterval":9000,"pingTimeout":9000,"maxPayload":1000}');
    text('40{"sid":"t"}');
    socket.on("data", (data: Buffer) => sent.push(data));
    close = () => socket.write(Buffer.of(0x88, 0));
    ends.push(() => socket.destroy());
  });
  return [await listening(http), () => close(), sent];
}

describe("a WebSocket", () => {
  test("is given nothing any more when the server has begun to close it", async () => {
    const [port, close, sent] = await closing();
    const { socket, losses } = await new Told(port).connected();
    await eventually(() => sent.length === 1, "what we say first");
    close();
    await eventually(() => sent[1]?.[0] === 0x88, "our answer to that");
    const send = vi.spyOn(NodeWebSocket.prototype, "send"); // a browser's would complain to the console
    try {
      socket.emit("word", {});
      expect(send).not.toHaveBeenCalled();
    } finally {
      send.mockRestore();
    }
    expect(losses).toEqual([]);
  });
});
