/** The direct path to somebody in this room, and back: there is nobody else in the page who could be reached that way. */

import type { Peer } from "eitherway";
import { LABEL, SAYS_SO } from "../../counting.ts";
import { type Probe, readProbe } from "../../probes.ts";
import { carriedDirectly } from "../carried.ts";
import type { Context } from "../context.ts";
import type { OpenRoad } from "../measure.ts";

/** Milliseconds for a direct path to be there, of those who have just come. */
const PATIENCE = 5_000;
/** Milliseconds in which it is seen what the path carries besides: counters, pings. */
const QUIET = 500;

/** To a peer that sends probes back. */
export function directRoad(context: Context): OpenRoad {
  return async (arrived, signal) => {
    const peer = await whoAnswers(context, signal);
    const { room, connections } = context;
    const stop = peer.channel(LABEL).on("message", ({ data }) => {
      const probe = readProbe(data);
      if (probe?.from === room.id) arrived(probe.probe);
    });
    const first = await carriedDirectly(peer, connections);
    const begun = performance.now();
    await new Promise((resolve) => setTimeout(resolve, QUIET));
    const second = await carriedDirectly(peer, connections);
    const since = performance.now();
    const besides = first === null || second === null ? 0 : (second - first) / (since - begun); // bytes in a ms
    return {
      legs: 2,
      send: async (event) => {
        if (peer.path !== "direct") throw new Error(`The direct path to ${context.nameOf(peer.id)} was lost.`);
        await peer.channel<Probe>(LABEL).send({ from: room.id, probe: event });
      },
      bytes: async () => {
        const carried = await carriedDirectly(peer, connections);
        return carried === null ? null : carried - besides * (performance.now() - since);
      },
      close: async () => stop(),
    };
  };
}

/** A peer that can be reached directly and sends probes back. Rejects with Error that says who is missing. */
async function whoAnswers({ room, cuts, nameOf }: Context, signal: AbortSignal): Promise<Peer> {
  if (cuts().direct) throw new Error("The direct path is cut: heal it above.");
  const able = (): Peer[] => [...room.peers.values()].filter(({ profile }) => profile[SAYS_SO] === true);
  const now = (): Peer | undefined => able().find(({ path }) => path === "direct");
  if (able().length === 0) throw new Error("Nobody here can answer: open this page in a second tab.");
  return await new Promise((resolve, reject) => {
    const settle = (): void => {
      const peer = now();
      if (peer !== undefined) resolve(peer);
    };
    const stop = room.on("pathChanged", settle);
    const timer = setTimeout(() => {
      const names = able().map(({ id }) => nameOf(id)).join(", ");
      reject(new Error(names === "" ? "Whoever was here has left." : `There is no direct path to ${names} just now.`));
    }, PATIENCE);
    signal.addEventListener("abort", () => {
      stop();
      clearTimeout(timer);
      reject(signal.reason);
    });
    settle();
  });
}
