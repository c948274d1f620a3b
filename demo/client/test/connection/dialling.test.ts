/** The way to a server: by which transport, and what is said when there is none. */

import { createServer, type Server as HttpServer } from "node:http";
import { createServer as createNetServer, type AddressInfo } from "node:net";

import { afterAll, beforeAll, expect, test } from "vitest";

import { Dialler, Unreachable } from "../../src/dialling.ts";
import { Front } from "../front.ts";
import { Server } from "../server.ts";
import { inTime } from "../waiting.ts";
import { Member, Told } from "./connections.ts";

let server: Server;

beforeAll(async () => {
  server = await Server.started();
}, 60_000);

afterAll(async () => {
  await server.stop("SIGKILL");
});

/** What is said when this server is dialled. */
async function failure(url: string, options: ConstructorParameters<typeof Told>[1] = {}): Promise<string> {
  const { connection } = new Told(url, { timeout: 1_000, ...options });
  try {
    await connection.open();
  } catch (error) {
    return (error as Error).message;
  } finally {
    await connection.close();
  }
  throw new Error("it was reached");
}

/** Whether a client that cannot connect knows that no server has had any work from it. */
async function foundNobody(url: string): Promise<boolean> {
  const options = { namespace: "/", transports: ["websocket", "polling"] as const, timeout: 1, onEvent: () => undefined };
  const dialler = new Dialler({ url: new URL(url), ...options });
  const error: unknown = await dialler.dial({ protocol: 1 }, new AbortController().signal).catch((reason) => reason);
  expect(error).toBeInstanceOf(Unreachable);
  return (error as Unreachable).nobody;
}

/** What answers all requests with this status. */
async function answering(status: number, work: (url: string) => Promise<void>): Promise<void> {
  const http: HttpServer = createServer((_, response) => response.writeHead(status).end());
  http.on("upgrade", (_, socket) => socket.end(`HTTP/1.1 ${status} No\r\nConnection: close\r\n\r\n`));
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  try {
    await work(`http://127.0.0.1:${(http.address() as AddressInfo).port}`);
  } finally {
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  }
}

async function freePort(): Promise<number> {
  const net = createNetServer();
  await new Promise<void>((resolve) => net.listen(0, "127.0.0.1", resolve));
  const { port } = net.address() as AddressInfo;
  await new Promise((resolve) => net.close(resolve));
  return port;
}

test("what swallows WebSockets is passed by polling", async () => {
  const front = await Front.started(server.port, "no-websocket");
  const { connection } = new Told(front.url, { timeout: 2_000 });
  await inTime(connection.open(), "connecting");
  expect(connection.transport).toBe("polling");
  await new Member("r").join(connection);
  await connection.close();
  await front.close();
});

test("a server that says nothing is given up in time, and nothing remains of the tries", async () => {
  const front = await Front.started(0, "silent");
  const said = await inTime(failure(front.url), "giving up", 5_000);
  expect(said).toContain("by websocket: no answer in 1 s; by polling: no answer in 1 s");
  await expect.poll(() => front.open).toBe(0);
  expect(await foundNobody(front.url)).toBe(true);
  await front.close();
});

test("nobody there is said once", async () => {
  const url = `http://127.0.0.1:${await freePort()}`;
  const said = await failure(url);
  expect(said).toContain("Is `eitherway serve` running there?");
  expect(said).not.toContain("polling");
  expect(await foundNobody(url)).toBe(true);
});

test("a name that is not known", async () => {
  expect(await failure("http://nowhere.invalid")).toContain("the host is not known");
  expect(await foundNobody("http://nowhere.invalid")).toBe(true);
});

test("some other server", async () => {
  await answering(404, async (url) => {
    expect(await failure(url)).toContain("it answered 404: is that a signalling server, and the path right?");
    expect(await failure(url, { transports: ["polling"] })).toContain("404");
    expect(await failure(url.replace("http:", "https:"))).toContain("TLS failed");
  });
});

test.each([
  [502, true],
  [503, true],
  [500, false],
])("a proxy that answers %i found nobody: %s", async (status, nobody) => {
  await answering(status, async (url) => {
    expect(await foundNobody(url)).toBe(nobody);
  });
});

test("the path of the URL is kept", async () => {
  const front = await Front.started(server.port, "pass");
  expect(await failure(`${front.url}/deeper/`)).toContain("404");
  await front.close();
});
