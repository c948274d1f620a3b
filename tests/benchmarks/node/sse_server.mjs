// Server-Sent Events with Node.js alone: what is posted is written to everyone who reads.
import http from "node:http";
import { run } from "./child.mjs";

const readers = new Set();
let id = 0;

function read(response) {
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  response.write("retry: 1000\n\n");
  readers.add(response);
  response.on("close", () => readers.delete(response));
}

function post(request, response) {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    id += 1;
    const data = JSON.stringify({ id, ...JSON.parse(Buffer.concat(parts).toString()), at: Date.now() });
    const event = Buffer.from(`id: ${id}\ndata: ${data}\n\n`);
    for (const reader of readers) reader.write(event);
    response.writeHead(201, { "Content-Type": "application/json" });
    response.end(JSON.stringify({ id }));
  });
}

await run({
  async serve(benchmark) {
    const server = http.createServer((request, response) =>
      request.method === "GET" ? read(response) : post(request, response),
    );
    server.listen(0, "127.0.0.1", () => benchmark.tell({ url: `http://127.0.0.1:${server.address().port}` }));
    await benchmark.hear();
  },
});
