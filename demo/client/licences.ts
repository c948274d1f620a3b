/** What others wrote of a bundle, and their licences, in a file beside it: they ask to be named in every copy. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import type { Plugin } from "vite";

const FILE = "licences.txt";

/** Write the file, and name it in the first line of a bundle of this name. */
export function licences(named?: string): Plugin {
  return {
    name: "licences",
    apply: "build",
    generateBundle(_, bundle) {
      const packages = [...new Set([...this.getModuleIds()].map(packageOf).filter((folder) => folder !== null))].sort();
      this.emitFile({ type: "asset", fileName: FILE, source: packages.map(licenceOf).join(`\n${"-".repeat(80)}\n\n`) });
      const chunk = named === undefined ? undefined : bundle[named];
      if (chunk?.type === "chunk") chunk.code = `/*! Licences: see ${FILE} */\n${chunk.code}`;
    },
  };
}

/** The folder of the package that a module is from; null: it is our own, or nobody's. */
function packageOf(module: string): string | null {
  if (module.startsWith("\0")) return null;
  return /^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+/.exec(module)?.[0] ?? null;
}

/** What a package is called, and its licence. Throws Error if it has none. */
function licenceOf(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Record<string, string>;
  const file = ["LICENSE", "LICENSE.md", "LICENSE.txt"].map((one) => join(folder, one)).find(existsSync);
  if (file === undefined) throw new Error(`${name} has no licence: it cannot be given to others`);
  return `${name} ${version} (${license})\n\n${readFileSync(file, "utf8").trim()}\n`;
}
