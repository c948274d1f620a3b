/** The package as it is published, built and packed in a folder of its own. */

import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const CLIENT = fileURLToPath(new URL("../../", import.meta.url));
const DEMO = fileURLToPath(new URL("../../../", import.meta.url));

/** A new folder, which the system cleans up. */
export async function folder(): Promise<string> {
  return await mkdtemp(join(tmpdir(), "eitherway-"));
}

/** Run a program to its end, and give what it printed. Throws Error with all it said if it fails. */
export async function output(cwd: string, program: string, ...arguments_: string[]): Promise<string> {
  const env = { ...process.env, NODE_ENV: "production" }; // the tests' own would get another build
  return (await run(program, arguments_, { cwd, env, maxBuffer: 2 ** 26 })).stdout;
}

/** Build the client in a copy, so that nobody's `dist` is disturbed. Returns the copy. `script`: all, or the bundle. */
export async function build(...script: string[]): Promise<string> {
  const workspace = await folder();
  await symlink(join(DEMO, "node_modules"), join(workspace, "node_modules"));
  await cp(join(DEMO, "tsconfig.base.json"), join(workspace, "tsconfig.base.json"));
  const copy = join(workspace, "client");
  for (const name of ["src", "package.json", "README.md", "tsconfig.json", "tsconfig.build.json", "vite.config.ts", "mangling.ts", "unused.ts", "licences.ts"]) {
    await cp(join(CLIENT, name), join(copy, name), { recursive: true });
  }
  if (script.length === 0) await output(copy, "npm", "run", "build");
  else await output(copy, "npm", "exec", "--", ...script);
  return copy;
}

/** The code blocks of a language in the README. */
export async function examples(language: string): Promise<string[]> {
  const text = await readFile(join(CLIENT, "README.md"), "utf8");
  return [...text.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, "gs"))].map((found) => found[1] ?? "");
}
