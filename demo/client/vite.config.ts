import { defineConfig } from "vitest/config";

/** Engine.IO's list of transports holds three that the client never asks for; it brings its own long-polling. */
const ONLY_WEBSOCKET = 'import { WS } from "./websocket.js"; export const transports = { websocket: WS };';

// One file with everything in it, for pages that import it from the server; npm's users get what tsc writes.
// Not Vite's library mode: that leaves white space in ES modules.
export default defineConfig({
  plugins: [
    {
      name: "only-websocket",
      apply: "build",
      load: (id) => (id.endsWith("engine.io-client/build/esm/transports/index.js") ? ONLY_WEBSOCKET : null),
    },
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
