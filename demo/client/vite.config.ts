import { defineConfig } from "vitest/config";

import { licences } from "./licences.ts";
import { mangling } from "./mangling.ts";
import { unused } from "./unused.ts";

/** Modules with what they build on: arithmetic, cores, links. */
const FROM_BELOW = ["noise.ts", "session/link-core.ts", "link/index.ts", "links.ts"];

// One file with everything in it, for pages that import it from the server; npm's users get what tsc writes.
// Not Vite's library mode: that leaves white space in ES modules.
export default defineConfig({
  plugins: [
    // In browsers `ws` is nothing but an error text.
    {
      name: "no-ws",
      enforce: "pre",
      apply: "build",
      resolveId: (id) => (id === "ws" ? "\0no-ws" : null),
      load: (id) => (id === "\0no-ws" ? "export default {};" : null),
    },
    // Packers look back 32 kB: what is alike stands together if all comes in the order in which it is built upon.
    {
      name: "order",
      apply: "build",
      transform: (code, id) =>
        id.endsWith("/src/index.ts") ? FROM_BELOW.map((module) => `import "./${module}";`).join("") + code : null,
    },
    unused(),
    mangling(),
    licences("eitherway.js"),
  ],
  build: {
    rolldownOptions: {
      input: "src/index.ts",
      preserveEntrySignatures: "strict",
      output: { format: "es", entryFileNames: "eitherway.js" },
    },
    modulePreload: false,
    outDir: "dist/bundle",
    target: "es2022",
  },
  // Tests wait for what happens, on machines that may have much else to do.
  test: { include: ["test/**/*.test.ts"], environment: "node", testTimeout: 30_000 },
});
