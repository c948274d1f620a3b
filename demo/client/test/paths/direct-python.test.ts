/** A direct path between this library and the Python one: the same channels, descriptions and candidates. */

import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { afterEach, describe, expect, test } from "vitest";

import { Lane } from "../../src/codec/frames.ts";
import type { Candidate, Description } from "../../src/negotiation/index.ts";
import { environment, python } from "../server.ts";
import { eventually } from "../waiting.ts";
import { numbered, textOf } from "./check-path.ts";
import { DirectEnd, makeConnection, RETRIES } from "./direct-pair.ts";

const PROGRAM = fileURLToPath(new URL("direct_peer.py", import.meta.url));
let child: ChildProcess | undefined;

afterEach(() => {
  child?.kill("SIGKILL");
});

/** The other program: what it has told, and how to tell it something. */
function program(...options: string[]): { told: [string, unknown][]; tell: (what: string, value: unknown) => void } {
  const started = spawn(python(), [PROGRAM, ...options], { env: environment(), stdio: ["pipe", "pipe", "inherit"] });
  child = started;
  const told: [string, unknown][] = [];
  createInterface({ input: started.stdout }).on("line", (line) => told.push(JSON.parse(line) as [string, unknown]));
  return { told, tell: (what, value) => void started.stdin.write(`${JSON.stringify([what, value])}\n`) };
}

describe.skipIf(makeConnection === undefined)("a direct path to Python", { retry: RETRIES }, () => {
  test.each([true, false])("it opens and carries all lanes both ways; we offer: %s", async (offers) => {
    const { told, tell } = program(...(offers ? [] : ["offer"]));
    const said = async (what: string): Promise<unknown> => {
      await eventually(() => told.some(([name]) => name === what), what);
      return told.find(([name]) => name === what)?.[1];
    };
    const end = new DirectEnd({ offers });
    if (offers) {
      tell("offer", await end.path.offer());
      await end.path.takeAnswer((await said("answer")) as Description);
    } else {
      tell("answer", await end.path.answer((await said("offer")) as Description));
    }
    const exchanged = { ours: 0, theirs: 0 };
    const exchange = (): boolean => {
      for (const candidate of end.candidates.slice(exchanged.ours)) tell("candidate", candidate);
      exchanged.ours = end.candidates.length;
      const theirs = told.filter(([what]) => what === "candidate");
      for (const [, candidate] of theirs.slice(exchanged.theirs)) end.path.takeCandidate(candidate as Candidate);
      exchanged.theirs = theirs.length;
      return end.opened === 1;
    };
    await eventually(exchange, "open");
    const sent = numbered(60, 60_000);
    for (const [index, packet] of sent.entries()) end.path.send(index % 2 === 0 ? Lane.RELIABLE : Lane.BULK, packet);
    await end.until(() => end.packets.length === sent.length, "all packets back");
    for (const lane of [Lane.RELIABLE, Lane.BULK]) {
      expect(end.of(lane)).toEqual(sent.filter((_, index) => index % 2 === lane).map(textOf));
    }
    end.path.send(Lane.DATAGRAM, Uint8Array.of(1, 2, 3));
    await end.until(() => end.of(Lane.DATAGRAM).length === 1, "the datagram");
    if (offers) {
      tell("close", null);
      await end.until(() => end.reasons.length === 1, "the end");
    } else {
      await end.path.close();
      await said("ended");
    }
  }, 60_000);
});
