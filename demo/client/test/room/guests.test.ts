/** Guests of a real server's room: a stock Socket.IO client that joins without a key. */

import { io } from "socket.io-client";
import { afterAll, beforeAll, expect, test } from "vitest";

import type { Guest } from "../../src/index.ts";
import { joinBoth } from "../clients.ts";
import { Server } from "../server.ts";
import { eventually } from "../waiting.ts";

let server: Server;

beforeAll(async () => {
  server = await Server.started();
}, 40_000);
afterAll(() => server.stop());

test("they are shown, and never linked to", async () => {
  const { ada, bob } = await joinBoth(server.url, "guests");
  bob.on("message", () => undefined);
  const came: Guest[] = [];
  const gone: [string, string][] = [];
  ada.on("guestJoined", (guest) => came.push(guest));
  ada.on("guestLeft", (guest, reason) => gone.push([guest.id, reason]));
  const camera = io(server.url, { auth: { protocol: 1 }, forceNew: true });
  const heard: unknown[] = [];
  for (const event of ["signal", "relay"]) camera.on(event, (data: unknown) => heard.push(data));
  try {
    const joined = (await camera.emitWithAck("join", { room: "guests", profile: '{"name":"Camera"}' })) as unknown;
    await eventually(() => came.length === 1);
    expect(joined).toMatchObject({ peer: came[0]?.id });
    expect(came[0]).toMatchObject({ name: "Camera", profile: { name: "Camera" } });
    expect([...ada.guests.values()]).toEqual(came);
    expect([...ada.peers.keys()]).toEqual([bob.id]);
    const signal = { room: "guests", to: ada.id, kind: "offer", packet: { type: "offer", sdp: "v=0" } };
    expect(await camera.emitWithAck("signal", signal)).toEqual({});
    expect(await ada.send("everyone")).toEqual([]);
    await ada.flush();
  } finally {
    camera.disconnect();
  }
  await eventually(() => gone.length === 1);
  expect(gone).toEqual([[came[0]?.id, "lost"]]);
  expect(ada.guests.size).toBe(0);
  expect(heard).toEqual([]);
});
