/** Reports of real links, as a server's operator sees them. */

import { type AddressInfo, connect, createServer } from "node:net";

import { afterAll, beforeAll, expect, test } from "vitest";

import { join, joinBoth } from "../clients.ts";
import type { MakeConnection } from "../../src/paths/direct.ts";
import { makeConnection } from "../paths/direct-pair.ts";
import { Server } from "../server.ts";
import { DEADLINE } from "../waiting.ts";

let server: Server;

beforeAll(async () => {
  server = await Server.started();
}, 40_000);
afterAll(() => server.stop());

/** Until the server says so of its links. It is asked seldom: else it would be all that this process does. */
async function seen(...lines: string[]): Promise<void> {
  const until = Date.now() + DEADLINE;
  for (;;) {
    const said = await (await fetch(`${server.url}/metrics`)).text();
    if (lines.every((line) => said.includes(`\n${line}\n`))) return;
    if (Date.now() > until) throw new Error(`the server never said ${lines.join(", ")}, but at last\n${said}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

test("both ends of a relayed link report it, and its end", async () => {
  const { ada, bob } = await joinBoth(server.url, "relayed");
  await seen('eitherway_link_ends{path="relay"} 2.0');
  await bob.client.close();
  await seen('eitherway_link_ends{path="relay"} 0.0');
  expect(ada.peers.size).toBe(0);
});

test.skipIf(makeConnection === undefined)("a link that became direct tells how long it took, and to another server that it is", async () => {
  const options = { p2p: "auto" as const, ...(makeConnection && { RTCPeerConnection: makeConnection }) };
  const { toBob } = await joinBoth(server.url, "direct", options);
  await toBob.send("where there is traffic, an attempt that fails is soon followed by another");
  await seen('eitherway_link_ends{path="direct"} 2.0', "eitherway_time_to_direct_seconds_count 2.0");
  expect(toBob._link.way).toBe("direct");
  await server.stop("SIGKILL");
  await server.start();
  await seen('eitherway_link_ends{path="direct"} 2.0', "eitherway_time_to_direct_seconds_count 0.0");
}, 60_000);

test("a server that is older than reports is told nothing", async () => {
  const { port } = server;
  let said = "";
  // A proxy that lets nobody know of them. What is polled can be read on its way.
  const proxy = createServer((socket) => {
    const upstream = connect(port, "127.0.0.1");
    socket.on("data", (data) => {
      said += data.toString("latin1");
      upstream.write(data);
    });
    upstream.on("data", (data) => socket.write(data.toString("latin1").replace('"reports":', '"reposts":'), "latin1"));
    for (const [one, other] of [[socket, upstream], [upstream, socket]] as const) {
      one.on("error", () => undefined).on("close", () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  try {
    const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const ada = await join(url, "older", { transports: ["polling"] });
    const bob = await join(server.url, "older", { transports: ["polling"] });
    await bob.waitForPeer({ timeout: 10_000 });
    await seen('eitherway_link_ends{path="relay"} 1.0'); // Bob's, who came later
    expect(said).toContain('["join",');
    expect(said).not.toContain('["report",');
    await ada.client.close();
  } finally {
    proxy.close();
  }
});

/** Makes connections whose engine says that they lead through a TURN server. */
function throughTurn(make: MakeConnection): MakeConnection {
  return class {
    constructor(configuration?: RTCConfiguration) {
      const connection = new make(configuration);
      const getStats = connection.getStats.bind(connection);
      connection.getStats = async () => {
        const report = await getStats();
        report.forEach((stats: { type?: string; candidateType?: string }) => {
          if (stats.type === "local-candidate") stats.candidateType = "relay";
        });
        return report;
      };
      return connection; // oxlint-disable-line no-constructor-return -- it stands in for the connection's own constructor
    }
  } as unknown as MakeConnection;
}

test.skipIf(makeConnection === undefined)("a direct path by way of a TURN server is told as such", async () => {
  const RTCPeerConnection = throughTurn(makeConnection as MakeConnection);
  const { toBob } = await joinBoth(server.url, "turn", { p2p: "auto", RTCPeerConnection });
  await toBob.send("likewise");
  await seen('eitherway_link_ends{path="turn"} 2.0');
  expect([toBob._link.way, toBob.path]).toEqual(["turn", "direct"]);
});
