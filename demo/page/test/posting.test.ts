import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Posting } from "../src/compare/roads/posting.ts";

/** What a server was asked, and how it answers: the head at once, the body somewhat later. */
let server: Server;
let url: string;
let asked: { path: string | undefined; authorization: string | undefined; body: string }[];
let status: number;

beforeEach(async () => {
  asked = [];
  status = 201;
  server = createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += String(part);
    asked.push({ path: request.url, authorization: request.headers.authorization, body });
    response.writeHead(status);
    response.flushHeaders();
    setTimeout(() => response.end(status === 201 ? '{"id":1}' : '{"detail":"not with this token"}'), 20);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

test("the bytes of posts that are under way together are all counted", async () => {
  const posting = new Posting(url, "a room", "t", "compare.1");
  await Promise.all(Array.from({ length: 8 }, (_, index) => posting.post(`${index} ä`)));
  const sent = asked.reduce((sum, { body }) => sum + new TextEncoder().encode(body).length, 0);
  expect(posting.bytes).toBe(sent + 8 * '{"id":1}'.length);
  expect(asked[0]).toMatchObject({ path: "/api/v1/rooms/a%20room/feed", authorization: "Bearer t" });
  expect(JSON.parse(asked[0]?.body ?? "")).toMatchObject({ topic: "compare.1" });
});

test("a server that refuses is quoted", async () => {
  status = 403;
  await expect(new Posting(url, "r", null, "t").post("1 x")).rejects.toThrow("not with this token");
  expect(asked[0]?.authorization).toBeUndefined();
});
