import { defineConfig } from "vitest/config";

import { mangling } from "./mangling.ts";
import { unused } from "./unused.ts";

// One file with everything in it, for pages that import it from the server; npm's users get what tsc writes.
// Not Vite's library mode: that leaves white space in ES modules.
export default defineConfig({
  plugins: [
    // In browsers `ws` is nothing but an error text.
    { name: "no-ws", apply: "build", load: (id) => (id.endsWith("/ws/browser.js") ? "export default {};" : null) },
    // Packers look back 32 kB: what is alike stands together. So what is below all comes first, with its arithmetic.
    {
      name: "order",
      apply: "build",
      transform: (code, id) =>
        id.endsWith("/src/index.ts") ? `import "./session/link-core.ts"; import "./links.ts"; ${code}` : null,
    },
    unused(),
    mangling(),
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
