import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

import { licences } from "../client/licences.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

// The server serves what is written here. Nothing is inlined: its policy allows no inline script, style or image.
export default defineConfig({
  plugins: [licences()], // those of `eitherway.js` too, which stands beside it
  resolve: { alias: { eitherway: here("../client/src/index.ts") } },
  build: {
    outDir: here("../../signalling/http/static"),
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 400,
  },
  // `npm run dev` takes everything but the page from a server that runs already: `eitherway serve`.
  server: {
    proxy: { "/socket.io": { target: "http://127.0.0.1:8080", ws: true }, "/api": { target: "http://127.0.0.1:8080" } },
    fs: { allow: [here("../../docs/choosing.md"), here("..")] },
  },
  test: { include: ["test/**/*.test.ts"], environment: "node" },
});
