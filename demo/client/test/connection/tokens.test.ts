/** Tokens: shown, renewed in time, late, refused; with a real server that asks for them. */

import { createHmac } from "node:crypto";

import { afterAll, afterEach, beforeAll, expect, test } from "vitest";

import { Refused } from "../../src/errors.ts";
import { expiry } from "../../src/tokens.ts";
import { Server } from "../server.ts";
import { eventually } from "../waiting.ts";
import { Told } from "./connections.ts";

const SECRET = "a secret of more than thirty-two bytes";
let server: Server;
let told: Told[] = [];

beforeAll(async () => {
  server = await Server.started("--token-secret", SECRET);
}, 60_000);

afterAll(async () => {
  await server.stop("SIGKILL");
});

afterEach(async () => {
  await Promise.all(told.map((one) => one.connection.close()));
  told = [];
});

function made(options: ConstructorParameters<typeof Told>[1]): Told {
  const one = new Told(server.url, options);
  told.push(one);
  return one;
}

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

/** A token as any language can make one. */
function token(seconds: number, user = "ada"): string {
  const claims = { sub: user, exp: Date.now() / 1000 + seconds, rooms: ["*"], grants: ["join", "relay"] };
  const text = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${text}.${createHmac("sha256", SECRET).update(text).digest("base64url")}`;
}

test("without a token, or with a bad one, nobody is let in", async () => {
  for (const bad of [undefined, "nonsense", token(-5)]) {
    const { connection } = made(bad === undefined ? {} : { token: bad });
    await expect(connection.open()).rejects.toMatchObject({ code: "unauthorized" });
  }
});

test("who stays is admitted all the time", async () => {
  let given = 0;
  const one = made({ token: () => (given++, token(2)) });
  await one.connection.open();
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  expect(one.connection.connected).toBe(true);
  expect(one.connection.number).toBe(1);
  expect(given).toBeGreaterThanOrEqual(3);
  await one.connection.close();
  const before = given;
  await new Promise((resolve) => setTimeout(resolve, 1_600));
  expect(given).toBe(before);
}, 30_000);

test("a function that throws, or gives another's token, is asked again", async () => {
  let calls = 0;
  const one = made({
    token: async () => {
      calls += 1;
      if (calls === 2) throw new Error("the application's server is away");
      return token(4, calls === 3 ? "eve" : "ada");
    },
  });
  await one.connection.open();
  await eventually(() => one.errors.length >= 2, "it", 15_000);
  expect(one.errors[0]).toMatchObject({ message: "the application's server is away" });
  expect(one.errors[1]).toMatchObject({ code: "forbidden" });
  await eventually(() => calls >= 4 && one.connection.connected, "it", 15_000);
}, 30_000);

test("one token is for as long as it lasts", async () => {
  const one = made({ token: token(1.5) });
  await one.connection.open();
  await eventually(() => one.closed.length > 0, "it", 15_000);
  expect(one.closed[0]).toBeInstanceOf(Refused);
  expect(one.closed[0]).toMatchObject({ code: "unauthorized" });
}, 30_000);

test("a function that is late finds its way back", async () => {
  const kept = token(1.2);
  let calls = 0;
  const one = made({ token: () => (++calls < 6 ? kept : token(60)) });
  await one.connection.open();
  await eventually(() => calls >= 6 && one.connection.connected, "it", 20_000);
  expect(one.closed).toEqual([]);
}, 30_000);

test("what a token says of its end", () => {
  expect(expiry(`x.${part({ exp: 5.5, name: "größe" })}.y`)).toBe(5.5);
  for (const exp of ["5", null, [], -1, 0, 1e300]) expect(expiry(`x.${part({ exp })}.y`)).toBeNull();
  for (const text of ["", "x", "..", "a.b.c", "é.é.é", `x.${part([])}.y`, "x.bnVsbA.y"]) expect(expiry(text)).toBeNull();
});
