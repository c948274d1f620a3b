// Socket.IO's own client for Node.js: posts and watches as its arguments say, and prints what it is told, a line each.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [, , from, url, transport] = process.argv;
const { io } = createRequire(from)("socket.io-client");
const socket = io(url, { transports: [transport], auth: { protocol: 1 }, reconnection: false });
const say = (...line) => console.log(JSON.stringify(line));

socket.onAny((event, data) => say(event, data));
socket.on("connect_error", (error) => say("connect_error", error.message));
for await (const line of createInterface({ input: process.stdin })) {
  const [event, data] = JSON.parse(line);
  say("reply", await socket.emitWithAck(event, data));
}
socket.disconnect();
