// PeerJS's own server, as its documentation has it.
import { PeerServer } from "peer";
import { run } from "./child.mjs";

await run({
  async serve(benchmark) {
    const server = await new Promise((resolve) => {
      PeerServer({ port: 0, path: "/" }, resolve);
    });
    benchmark.tell({ port: server.address().port });
    await benchmark.hear();
  },
});
