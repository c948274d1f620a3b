/** Connections that come and go, with a real server: nothing outlives the connection it was made on. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import { ConnectionFailed, Refused } from "../../src/errors.ts";
import { Front, type Manner } from "../front.ts";
import { Server } from "../server.ts";
import { eventually, inTime } from "../waiting.ts";
import { Member, Told } from "./connections.ts";

let server: Server;
let told: Told[] = [];
let fronts: Front[] = [];

function made(url: string, options: ConstructorParameters<typeof Told>[1] = {}): Told {
  const one = new Told(url, options);
  told.push(one);
  return one;
}

async function frontOf(port: number, manner: Manner): Promise<Front> {
  const front = await Front.started(port, manner);
  fronts.push(front);
  return front;
}

beforeAll(async () => {
  server = await Server.started();
}, 60_000);

afterAll(async () => {
  await server.stop("SIGKILL");
});

afterEach(async () => {
  await Promise.all(told.map((one) => one.connection.close()));
  await Promise.all(fronts.map((front) => front.close()));
  told = [];
  fronts = [];
});

/** A server of a test's own, which it may stop. */
async function withServer(options: string[], work: (server: Server) => Promise<void>): Promise<void> {
  const own = await Server.started(...options);
  try {
    await work(own);
  } finally {
    if (own.pid !== undefined) process.kill(own.pid, "SIGCONT");
    await own.stop("SIGKILL");
  }
}

describe("one connection", () => {
  for (const transport of ["websocket", "polling"] as const) {
    test(`a member joins and leaves over ${transport}`, async () => {
      const { connection, connects } = made(server.url, { transports: [transport] });
      expect([connection.connected, connection.sid, connection.number, connects]).toEqual([false, "", 0, 0]);
      await connection.open();
      expect(connection.transport).toBe(transport);
      expect([connection.connected, connection.number]).toEqual([true, 1]);
      expect(connection.sid).toMatch(/./);
      const member = new Member("r");
      const joined = await member.join(connection);
      expect(joined.peers.map((peer) => peer.id)).toEqual([member.identity.id]);
      expect(await connection.request("leave", { room: "r" })).toEqual({});
      await connection.close();
      expect(connection.connected).toBe(false);
    });
  }

  test("who opens twice has one connection", async () => {
    const one = made(server.url);
    await Promise.all([one.connection.open(), one.connection.open()]);
    await one.connection.open();
    expect([one.connection.number, one.connects]).toEqual([1, 1]);
  });

  test("what the server refuses is told with its code", async () => {
    const { connection } = made(server.url);
    await connection.open();
    const refusal = connection.request("leave", { room: "never joined" });
    await expect(refusal).rejects.toBeInstanceOf(Refused);
    await expect(refusal).rejects.toMatchObject({ code: "not-in-room", retryAfter: null });
    const forged = new Member("r").membership.join({ origin: "http://elsewhere", sid: connection.sid, connection: 1 });
    await expect(connection.request("join", forged)).rejects.toMatchObject({ code: "unauthorized" });
  });

  test("what the server sends is passed on by name", async () => {
    const one = made(server.url);
    const two = made(server.url);
    await Promise.all([one.connection.open(), two.connection.open()]);
    await new Member("seen").join(one.connection);
    await new Member("seen").join(two.connection);
    await eventually(() => one.events.some(({ name }) => name === "roster"), "a roster");
  });

  test("nothing is asked or sent without a connection, nor kept for the next", async () => {
    const { connection } = made(server.url);
    await expect(connection.request("leave", { room: "r" })).rejects.toThrow("not connected");
    await connection.emit("relay", { room: "r", n: 1, to: [], packets: [] });
  });

  test("a token function is asked for each connection; a closed client stays so", async () => {
    let asked = 0;
    const { connection } = made(server.url, { token: () => `token ${(asked += 1)}` });
    await connection.open();
    expect(asked).toBe(1);
    await connection.close();
    await connection.close();
    await expect(connection.open()).rejects.toThrow("closed; make a new one");
  });

  test("an unknown namespace is told", async () => {
    const { connection } = made(server.url, { namespace: "/elsewhere" });
    await expect(connection.open()).rejects.toBeInstanceOf(ConnectionFailed);
  });

  test.each(["127.0.0.1:8080", "ws://127.0.0.1", "http://", "", "localhost:8080"])("%j is no server's URL", (url) => {
    expect(() => made(url)).toThrow("looks like http://127.0.0.1:8080");
  });

  test.each(["http://ada:secret@127.0.0.1", "http://127.0.0.1/?room=r", "http://127.0.0.1/#r"])("%j is too much", (url) => {
    expect(() => made(url)).toThrow("no user, query or fragment");
  });

  test("odd transports and timeouts are told", () => {
    expect(() => made(server.url, { transports: [] })).toThrow("transports are websocket and polling, not none");
    expect(() => made(server.url, { transports: ["carrier pigeon" as "polling"] })).toThrow("not carrier pigeon");
    expect(() => made(server.url, { timeout: 0 })).toThrow("milliseconds above 0");
  });
});

describe("one connection after another", () => {
  test("a server that is killed and started again is found again, on a connection of the next number", async () => {
    await withServer([], async (own) => {
      const one = made(own.url);
      await one.connection.open();
      const { sid } = one.connection;
      await own.stop("SIGKILL");
      await eventually(() => one.losses.length === 1, "the loss");
      expect(one.connection.connected).toBe(false);
      await expect(one.connection.request("leave", { room: "r" })).rejects.toThrow("not connected");
      await own.start();
      await eventually(() => one.connects === 2, "the next connection");
      expect(one.connection.number).toBe(2);
      expect(one.connection.sid).not.toBe(sid);
      await new Member("r").join(one.connection);
    });
  });

  test("a question ends with its connection", async () => {
    await withServer([], async (own) => {
      const { connection } = made(own.url, { reconnect: false });
      await connection.open();
      process.kill(own.pid ?? 0, "SIGSTOP");
      const question = connection.request("leave", { room: "r" });
      const answer = expect(question).rejects.toThrow("was lost");
      await own.stop("SIGKILL");
      await inTime(answer, "the answer", 5_000);
    });
  });

  test("a question that nobody answers ends in time", async () => {
    await withServer([], async (own) => {
      const { connection } = made(own.url, { timeout: 300 });
      await connection.open();
      process.kill(own.pid ?? 0, "SIGSTOP");
      await expect(connection.request("leave", { room: "r" })).rejects.toThrow('did not answer "leave" in 0.3 s');
      await expect(connection.request("leave", { room: "r" }, 0.1)).rejects.toThrow("in 0.1 s");
    });
  });

  test("without reconnecting, the loss is the end", async () => {
    const front = await frontOf(server.port, "pass");
    const one = made(front.url, { reconnect: false });
    await one.connection.open();
    front.cut();
    await eventually(() => one.closed.length === 1, "the end");
    expect(one.closed[0]).toBeInstanceOf(ConnectionFailed);
    expect(one.losses).toHaveLength(1);
    await expect(one.connection.open()).rejects.toThrow("closed");
  });

  test("who is asked to come back later comes a little later than that", async () => {
    await withServer(["--reconnect-after", "2"], async (own) => {
      const front = await frontOf(own.port, "pass");
      const one = made(front.url);
      await one.connection.open();
      const before = front.connections;
      const stopped = own.stop("SIGTERM");
      await eventually(() => one.losses.length === 1, "the loss");
      const lost = performance.now();
      await eventually(() => front.connections > before, "the next try");
      expect((performance.now() - lost) / 1000).toBeGreaterThan(1.9);
      await stopped;
    });
  });

  test("a connection that is lost again and again is tried less often", async () => {
    const front = await frontOf(server.port, "pass");
    const one = made(front.url);
    await one.connection.open();
    const begun = performance.now();
    for (let count = 2; count <= 5; count += 1) {
      front.cut();
      await eventually(() => one.connects === count, `connection ${count}`);
    }
    expect((performance.now() - begun) / 1000).toBeGreaterThanOrEqual((0.25 + 0.5 + 1 + 2) / 4);
  });

  test("a token function that throws is told, and asked again", async () => {
    const front = await frontOf(server.port, "pass");
    let asked = 0;
    const one = made(front.url, {
      token: () => {
        asked += 1;
        if (asked === 2) throw new Error("no token today");
        return "token";
      },
    });
    await one.connection.open();
    front.cut();
    await eventually(() => one.connects === 2, "the next connection");
    expect(one.errors).toMatchObject([{ message: "no token today" }]);
  });

  test("after closing nothing remains, whatever was under way", async () => {
    const front = await frontOf(server.port, "silent");
    const one = made(front.url);
    const opening = expect(one.connection.open()).rejects.toThrow("closed");
    await eventually(() => front.open === 1, "the try");
    await one.connection.close();
    await inTime(opening, "the refusal", 1_000);
    await eventually(() => front.open === 0, "the end of the try");
  });
});

describe("hints of the browser", () => {
  const target = new EventTarget();
  let listening = 0;
  const browser = {
    addEventListener: (name: string, listener: () => void): void => {
      listening += 1;
      target.addEventListener(name, listener);
    },
    removeEventListener: (name: string, listener: () => void): void => {
      listening -= 1;
      target.removeEventListener(name, listener);
    },
  };
  const own = Object.getOwnPropertyDescriptor(globalThis, "navigator");

  beforeAll(() => {
    Object.assign(globalThis, browser);
    Object.defineProperty(globalThis, "navigator", { value: { connection: browser }, configurable: true });
  });

  afterAll(() => {
    for (const name of Object.keys(browser)) Reflect.deleteProperty(globalThis, name);
    Reflect.deleteProperty(globalThis, "navigator");
    if (own !== undefined) Object.defineProperty(globalThis, "navigator", own);
  });

  const online = (): boolean => target.dispatchEvent(new Event("online"));
  const change = (): boolean => target.dispatchEvent(new Event("change"));

  test.each([
    ["is back", online],
    ["is another one", change],
  ])("a network that %s is tried at once", async (_, hint) => {
    const front = await frontOf(server.port, "pass");
    const one = made(front.url);
    await one.connection.open();
    front.manner = "hang-up";
    front.cut();
    await eventually(() => front.connections >= 3, "tries");
    const begun = performance.now();
    for (let round = 0; round < 8; round += 1) {
      const before = front.connections;
      // A try by each transport: both fail, and the next wait begins, which a hint ends.
      await eventually(() => hint() && front.connections >= before + 2, "a try");
    }
    expect(performance.now() - begun).toBeLessThan((8 * 1_000) / 4);
    front.manner = "pass";
    hint();
    await eventually(() => one.connects === 2, "the next connection", 1_000);
  });

  test("a try that hangs is ended by it, and begun anew", async () => {
    const front = await frontOf(server.port, "pass");
    const one = made(front.url);
    await one.connection.open();
    front.manner = "silent";
    front.cut();
    const before = front.connections;
    await eventually(() => front.connections === before + 1, "a try");
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    online();
    await eventually(() => front.connections >= before + 2, "another try");
    await eventually(() => front.open === 1, "the end of the first", 300);
    front.manner = "pass";
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    online();
    await eventually(() => one.connects === 2, "the next connection", 2_000);
    await eventually(() => front.open === 1, "the end of the tries that hung");
  });

  test("nobody listens any more when it is closed or given up", async () => {
    const before = listening;
    const one = made(server.url);
    const front = await frontOf(server.port, "pass");
    const two = made(front.url, { reconnect: false });
    await Promise.all([one.connection.open(), two.connection.open()]);
    expect(listening).toBe(before + 6); // each of them to `online` and its network's `change`, and its socket to `offline`
    await one.connection.close();
    front.cut();
    await eventually(() => two.closed.length === 1, "the end");
    expect(listening).toBe(before);
  });
});
