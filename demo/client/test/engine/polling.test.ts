/** Our client of Socket.IO over long-polling, with servers that speak nothing else. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

import { describe, expect, test, vi } from "vitest";

import { eventually, inTime } from "../waiting.ts";
import { listening, theirs, Told } from "./sockets.ts";

/** A server of long-polling alone, that says little and keeps what it is told. */
async function polled(maxPayload: number, answer: (body: string, response: ServerResponse) => void): Promise<[number, Set<IncomingMessage>]> {
  const asking = new Set<IncomingMessage>();
  const http = createServer(async (request, response) => {
    if (request.method === "POST") {
      let body = "";
      for await (const chunk of request.setEncoding("utf8")) body += String(chunk);
      answer(body, response);
    } else if (!request.url?.includes("&sid=")) {
      response.end(`0${JSON.stringify({ sid: "s", pingInterval: 9_000, pingTimeout: 9_000, maxPayload })}\x1e40{"sid":"t"}`);
    } else {
      asking.add(request);
      response.on("close", () => asking.delete(request));
    }
  });
  return [await listening(http), asking];
}

describe("long-polling", () => {
  test("says no more at a time than the server takes, in order, one request after another", async () => {
    const bodies: string[] = [];
    let [open, most] = [0, 0];
    const [port] = await polled(1_000, (body, response) => {
      bodies.push(body);
      most = Math.max(most, (open += 1));
      setTimeout(() => {
        open -= 1;
        response.end("ok");
      }, 1);
    });
    const { socket } = await new Told(port, { transport: "polling" }).connected();
    for (let n = 0; n < 40; n += 1) socket.emit("x", { n, wide: "€".repeat(n * 4) });
    socket.emit("x", { large: "x".repeat(2_000) });
    for (let n = 0; n < 600; n += 1) socket.emit("y", {});
    await inTime(socket.drained(), "all of it");
    const parts = bodies.map((body) => body.split("\x1e"));
    expect(parts.flat()).toHaveLength(1 + 40 + 1 + 600);
    expect(parts.flat().slice(1, 41).map((part) => (JSON.parse(part.slice(2)) as [string, { n: number }])[1].n)).toEqual([...Array(40).keys()]);
    for (const [at, body] of bodies.entries()) {
      if (parts[at]?.length !== 1) expect(Buffer.byteLength(body)).toBeLessThanOrEqual(1_000);
    }
    expect(most).toBe(1);
  });

  test("says no more than 256 packets at a time", async () => {
    const sizes: number[] = [];
    const [port] = await polled(1_000_000, (body, response) => {
      sizes.push(body.split("\x1e").length);
      response.end("ok");
    });
    const { socket } = await new Told(port, { transport: "polling" }).connected();
    for (let n = 0; n < 600; n += 1) socket.emit("y", {});
    await inTime(socket.drained(), "all of it");
    expect(Math.max(...sizes)).toBe(256);
    expect(sizes.reduce((sum, size) => sum + size)).toBe(601);
  });

  test("ends the request that waits, and tells the server; who does not listen is not waited for", async () => {
    const bodies: string[] = [];
    const unanswered: ServerResponse[] = [];
    const [port, asking] = await polled(1_000, (body, response) => {
      bodies.push(body);
      if (body.includes("silence")) unanswered.push(response);
      else response.end("ok");
    });
    const good = await new Told(port, { transport: "polling" }).connected();
    await eventually(() => asking.size === 1, "the request that waits");
    good.socket.close();
    await eventually(() => asking.size === 0 && bodies.at(-1) === "1", "the end");
    expect(bodies.slice(-2)).toEqual(["41", "1"]);
    const silent = await new Told(port, { transport: "polling" }).connected();
    silent.socket.emit("silence", {});
    await eventually(() => unanswered.length === 1, "what is not answered");
    silent.socket.close();
    await eventually(() => unanswered[0]?.destroyed === true, "the end of the request", 4_000);
    await inTime(silent.socket.drained(), "the end");
    expect(silent.losses).toEqual([]);
  });

  test("asks under another URL each time: nobody is to answer from memory", async () => {
    const urls: string[] = [];
    const http = createServer((request, response) => {
      urls.push(request.url ?? "");
      const first = `0{"sid":"s","pingInterval":9000,"pingTimeout":9000,"maxPayload":1000}\x1e40{"sid":"t"}`;
      response.end(urls.length === 1 ? first : "6");
    });
    await new Told(await listening(http), { transport: "polling" }).connected();
    await eventually(() => urls.length >= 5, "requests");
    expect(new Set(urls).size).toBe(urls.length);
  });

  test("hears its own namespace alone, and is connected once", async () => {
    const said = ['40{"sid":"t"}', '2["e",1]', '40{"sid":"another"}', '2/another,["e",2]', '40/another,{"sid":"x"}', '2["e",3]'];
    const packets = said.map((text) => (text.startsWith("40") ? text : `4${text}`));
    const http = createServer((request, response) => {
      if (request.method === "POST") response.end("ok");
      else if (!request.url?.includes("&sid=")) {
        response.end(['0{"sid":"s","pingInterval":9000,"pingTimeout":9000,"maxPayload":1000}', ...packets].join("\x1e"));
      }
    });
    const { socket, events, connects } = await new Told(await listening(http), { transport: "polling" }).connected();
    expect(events).toEqual([["e", 1], ["e", 3]]);
    expect([socket.id, connects]).toEqual(["t", 1]);
  });

  test("after a sleep, in which timers stand still, it is lost with the first word", async () => {
    const [port] = await polled(1_000, (_, response) => response.end("ok"));
    const { socket, losses } = await new Told(port, { transport: "polling" }).connected();
    const later = Date.now() + 18_001;
    const clock = vi.spyOn(Date, "now").mockImplementation(() => later);
    try {
      socket.emit("word", {});
    } finally {
      clock.mockRestore();
    }
    expect(losses).toEqual(["ping timeout"]);
  });

  test("what a listener throws is not taken for nonsense of the server's", async () => {
    const [io, port] = await theirs();
    const { socket, losses, events } = await new Told(port, { transport: "polling" }).connected();
    events.push = () => {
      throw new Error("a mistake of ours");
    };
    io.sockets.sockets.get(socket.id)?.emit("word");
    await eventually(() => losses.length > 0, "the loss");
    expect(losses).toEqual(["transport error"]);
  });

  test("a request that fails is the loss, and says why", async () => {
    const [port] = await polled(1_000, (body, response) => {
      response.writeHead(body.includes("fail") ? 400 : 200).end("ok");
    });
    const { socket, losses } = await new Told(port, { transport: "polling" }).connected();
    socket.emit("fail", {});
    await eventually(() => losses.length > 0, "the loss");
    expect(losses).toEqual(["transport error"]);
    const refused = new Told(await listening(createServer((_, response) => response.writeHead(403).end())), { transport: "polling" });
    await eventually(() => refused.failures.length > 0, "the failure");
    expect(refused.failures).toMatchObject([{ message: "fetch read error", description: 403 }]);
  });
});
