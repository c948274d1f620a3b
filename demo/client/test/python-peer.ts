/** A Python peer in a process of its own; see python-peer.py. */

import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";

import { environment, python } from "./server.ts";
import { inTime } from "./waiting.ts";

const PROGRAM = fileURLToPath(new URL("python-peer.py", import.meta.url));

/** What a Python peer tells. */
export type Told = { readonly event: string } & Readonly<Record<string, unknown>>;

/** Bytes that both sides can make. */
export function make(size: number, seed: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, at) => (seed + 167 * (at % 251)) % 251);
}

/** Bytes by their size and hash, as python-peer.py shows them. */
export function shown(data: Uint8Array): { size: number; sha256: string } {
  return { size: data.length, sha256: createHash("sha256").update(data).digest("hex") };
}

/** A running Python peer. */
export class PythonPeer {
  readonly told: Told[] = [];
  readonly process: ChildProcessByStdio<Writable, Readable, null>;
  #news: () => void = () => undefined;

  constructor(url: string, room: string, ...options: string[]) {
    this.process = spawn(python(), [PROGRAM, url, room, "Python", ...options], {
      env: environment(),
      stdio: ["pipe", "pipe", "inherit"],
    });
    createInterface({ input: this.process.stdout }).on("line", (line) => {
      this.told.push(JSON.parse(line) as Told);
      this.#news();
    });
  }

  /** Start one and wait until it has joined. */
  static async joined(url: string, room: string, ...options: string[]): Promise<PythonPeer> {
    const peer = new PythonPeer(url, room, ...options);
    await peer.next("joined");
    return peer;
  }

  /** Tell it what to do. */
  do(...command: unknown[]): void {
    this.process.stdin.write(`${JSON.stringify(command)}\n`);
  }

  /** The next event of this name, taken out of what it has told. */
  async next(event: string): Promise<Told> {
    const look = async (): Promise<Told> => {
      for (;;) {
        const at = this.told.findIndex((one) => one.event === event);
        const found = this.told[at];
        if (found !== undefined) {
          this.told.splice(at, 1);
          return found;
        }
        await new Promise<void>((resolve) => (this.#news = resolve));
      }
    };
    return await inTime(look(), `"${event}" of the Python peer`, 30_000);
  }

  /** End it: by closing its standard input (null), so that it leaves in good order, or by a signal. */
  async end(signal: NodeJS.Signals | null = null): Promise<void> {
    const { process } = this;
    if (process.exitCode !== null || process.signalCode !== null) return;
    const gone = new Promise((resolve) => process.once("exit", resolve));
    if (signal === null) process.stdin.end();
    else process.kill(signal);
    await inTime(gone, "the end of the Python peer", 15_000);
  }
}
