/** A real server for tests: that of this checkout, in a process of its own, on a port that it keeps. */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
/** Milliseconds that a server may take to start: Python imports what it needs first. */
const STARTING = 30_000;

/** The Python that runs the server: `$EITHERWAY_PYTHON`, the checkout's own environment, or whatever `python3` is. */
export function python(): string {
  const own = join(ROOT, ".venv/bin/python");
  return process.env["EITHERWAY_PYTHON"] ?? (existsSync(own) ? own : "python3");
}

/** The environment in which Python finds this checkout. */
export function environment(): NodeJS.ProcessEnv {
  return { ...process.env, PYTHONPATH: ROOT, PYTHONUNBUFFERED: "1" };
}

/** A server process. `options` are those of `eitherway serve`, for instance `"--grace", "1"`. */
export class Server {
  readonly #options: readonly string[];
  #port = 0;
  #process: ChildProcess | null = null;

  constructor(...options: string[]) {
    this.#options = options;
  }

  /** Start one and wait until it listens. */
  static async started(...options: string[]): Promise<Server> {
    const server = new Server(...options);
    await server.start();
    return server;
  }

  /** Its URL: the same for as long as this object lives, whether it runs or not. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** The port that it listens at. */
  get port(): number {
    return this.#port;
  }

  /** The process's id while it runs. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Start it, with nothing remembered, and wait until it listens. Throws Error with what it said if it does not. */
  async start(): Promise<void> {
    const arguments_ = ["-m", "peers.cli", "serve", "--port", String(this.#port), "--stun-port", "0"];
    const child = spawn(python(), [...arguments_, ...this.#options], {
      cwd: ROOT,
      env: environment(),
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#process = child;
    let said = "";
    child.stderr.on("data", (text: Buffer) => {
      said = (said + text.toString()).slice(-4_000);
    });
    this.#port = await new Promise<number>((resolve, reject) => {
      const fail = (why: string): void => reject(new Error(`the server did not start: ${why}\n${said}`));
      const timer = setTimeout(() => fail(`nothing said in ${STARTING} ms`), STARTING);
      child.once("error", (error) => fail(`${python()}: ${error.message}`));
      child.once("exit", (code) => fail(`exit code ${code}`));
      createInterface({ input: child.stdout }).on("line", (line) => {
        const found = /serves http:\/\/\S+:(\d+)/.exec(line);
        if (found === null) return;
        clearTimeout(timer);
        resolve(Number(found[1]));
      });
    });
  }

  /** Stop it by a signal: SIGTERM tells its clients, SIGKILL does not. Resolves when it is gone. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await gone;
  }
}
