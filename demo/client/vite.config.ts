import { defineConfig } from "vitest/config";

// One file with everything in it, for pages that import it from the server; npm's users get what tsc writes.
export default defineConfig({
  build: {
    lib: { entry: "src/index.ts", formats: ["es"], fileName: () => "eitherway.js" },
    outDir: "dist/bundle",
    target: "es2022",
    minify: true,
  },
  // Tests wait for what happens, on machines that may have much else to do.
  test: { include: ["test/**/*.test.ts"], environment: "node", testTimeout: 30_000 },
});
