/** A link over the relay: two clients of this page in one room, which are told to try no direct path. */

import type { ClientOptions } from "eitherway";
import type { Context } from "../context.ts";
import type { OpenRoad } from "../measure.ts";
import { Meter } from "../meter.ts";

/** How the two are called, where others see them. */
const PROFILE = { name: "compare", about: "measures transports from a page" };

/** From one client to another, both by this transport, in this room. */
export function relayRoad(context: Context, room: string, transports: NonNullable<ClientOptions["transports"]>): OpenRoad {
  return async (arrived) => {
    const meter = new Meter();
    const clients = [context.makeClient({ transports }), context.makeClient({ transports })] as const;
    const close = async (): Promise<void> => {
      await Promise.all(clients.map((client) => client.close()));
      meter.stop();
    };
    try {
      for (const client of clients) await meter.counts(() => client.connect());
      const [from, to] = clients;
      const there = await to.join(room, { p2p: "never", profile: PROFILE });
      there.on("message", ({ peer, data }) => {
        if (peer.id === from.id) arrived(String(data));
      });
      const here = await from.join(room, { p2p: "never", profile: PROFILE });
      const peer = await here.waitForPeer({ id: to.id, timeout: 10_000 });
      return { legs: 1, send: (event) => peer.send(event), bytes: async () => meter.bytes, close };
    } catch (error) {
      await close();
      throw error;
    }
  };
}
