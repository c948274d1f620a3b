/** What users get: the packed package in an empty project, the bundle for pages, and the README's examples. */

import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { access, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

import { afterAll, beforeAll, expect, test } from "vitest";

import { PythonPeer } from "../python-peer.ts";
import { Server } from "../server.ts";
import { inTime } from "../waiting.ts";
import { build, examples, folder, output } from "./build.ts";

/** Bytes that the bundle may have, as a server compresses it. */
const BUNDLE_MOST = 60_000;

let server: Server;
let built: string;

beforeAll(async () => {
  [server, built] = await Promise.all([Server.started(), build()]);
}, 120_000);
afterAll(() => server.stop());

/** Run a program of Node in a folder; what it prints until it ends. */
async function node(cwd: string, ...arguments_: string[]): Promise<string> {
  const child = spawn(process.execPath, arguments_, { cwd, stdio: ["ignore", "pipe", "inherit"] });
  let printed = "";
  child.stdout.on("data", (text: Buffer) => (printed += text.toString()));
  const code = await inTime(new Promise((resolve) => child.once("exit", resolve)), "the program's end", 40_000);
  expect(code).toBe(0);
  return printed;
}

async function bundle(): Promise<Buffer> {
  return await readFile(join(built, "dist/bundle/eitherway.js"));
}

test("the bundle is one file, and small", async () => {
  expect(gzipSync(await bundle(), { level: 9 }).length).toBeLessThan(BUNDLE_MOST);
  expect(/\bimport ?[{*"'`]|\} ?from ?["'`]/.test((await bundle()).toString())).toBe(false); // everything is in it
});

test("what others wrote of the bundle is named beside it, with their licences", async () => {
  const text = await readFile(join(built, "dist/bundle/licences.txt"), "utf8");
  const named = ["ciphers", "curves", "ed25519", "hashes"].map((name) => `@noble/${name}`);
  expect([...text.matchAll(/^(\S+) \d+\.\d+\.\d+ \(MIT\)$/gm)].map((found) => found[1])).toEqual(named);
  expect(text.match(/Copyright \(c\) \d+ Paul Miller/g)).toHaveLength(named.length);
  expect(text.match(/Permission is hereby granted, free of charge/g)).toHaveLength(named.length);
  expect((await bundle()).toString()).toMatch(/^\/\*! Licences: see licences\.txt \*\/\n/);
});

test("the packed package, installed in an empty project, talks to a Python peer from plain Node", async () => {
  const project = await folder();
  await output(built, "npm", "pack", "--pack-destination", project);
  const [archive] = (await readdir(project)).filter((name) => name.endsWith(".tgz"));
  await writeFile(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
  await output(project, "npm", "install", "--no-audit", "--no-fund", "--prefer-offline", `./${archive}`);
  const [example] = (await examples("js")).filter((code) => code.includes("waitForPeer"));
  await writeFile(join(project, "talk.js"), (example ?? "").replaceAll("http://127.0.0.1:8080", server.url));
  await access(join(project, "node_modules/eitherway/dist/bundle/licences.txt"));
  const python = await PythonPeer.joined(server.url, "lobby", "--echo");
  try {
    await node(project, "talk.js");
    expect(await python.next("peer")).toMatchObject({ name: "Ada" });
    expect(await python.next("message")).toMatchObject({ data: { x: 1 }, path: "relay" });
    expect(await python.next("gone")).toMatchObject({ reason: "left" });
  } finally {
    await python.end("SIGKILL");
  }
}, 180_000);

test("the package's types serve a strict project, and name none of what is inside", async () => {
  const project = await folder();
  const index = join(built, "dist/index.js");
  await writeFile(
    join(project, "program.ts"),
    `import { Client, type Message, Undelivered } from ${JSON.stringify(index)};
     interface Pose { x: number }
     const client = new Client("http://127.0.0.1");
     const room = await client.join("lobby", { p2p: "eager" });
     const off: () => void = room.on("message", ({ peer, data, path }) => console.log(peer.profile["name"], data, path));
     room.on("undelivered", (report: Undelivered) => console.log(report.messages, off));
     const pose = room.channel<Pose>("pose", { lane: "datagram", latest: true });
     await pose.send({ x: 1 });
     for await (const message of pose) { const one: Message<Pose> = message; console.log(one.data.x); }
     for await (const [peer, path] of room.events("pathChanged")) console.log(peer.stats().paths[0]?.rtt, path);
     // @ts-expect-error no pose
     await pose.send({ y: 1 });
     // @ts-expect-error no such event
     room.on("mesage", () => undefined);
     // @ts-expect-error inside
     console.log(room._presence);
     await using other = client;
     console.log(other);`,
  );
  const options = { strict: true, noEmit: true, module: "NodeNext", target: "ES2022", skipLibCheck: false, types: [] };
  await writeFile(join(project, "package.json"), JSON.stringify({ type: "module" }));
  await writeFile(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions: options, files: ["program.ts"] }));
  await output(project, join(built, "../node_modules/.bin/tsc"), "-p", ".");
});

test("the README's lines for a page work, from the bundle", async () => {
  const [page] = await examples("html");
  const script = /<script type="module">(.*)<\/script>/s.exec(page ?? "")?.[1] ?? "";
  const project = await folder();
  const file = join(built, "dist/bundle/eitherway.js");
  const WebSocket = pathToFileURL(createRequire(import.meta.url).resolve("ws")).href;
  // What a page has and this Node may lack, and an end: pages have theirs.
  await writeFile(
    join(project, "page.mjs"),
    `import WebSocket from ${JSON.stringify(WebSocket)};
     Object.assign(globalThis, { WebSocket, location: new URL(${JSON.stringify(server.url)}) });
     console.log = (...said) => { process.stdout.write(said.join(" ")); process.exit(0); };
     ${script.replace('import { Client } from "/eitherway.js"', `const { Client } = await import(${JSON.stringify(file)})`)}`,
  );
  const python = await PythonPeer.joined(server.url, "lobby", "--echo");
  try {
    expect(await node(project, "page.mjs")).toBe("Python hello relay");
  } finally {
    await python.end("SIGKILL");
  }
}, 90_000);
