// Socket.IO's own server with the application of tests/engineio/program.py, to see what the protocol suites say of it:
// node tests/benchmarks/node/protocol.mjs, then EITHERWAY_PROTOCOL_URL=http://127.0.0.1:3000 pytest tests/engineio tests/socketio
import { Server } from "socket.io";

const io = new Server(3000, { pingInterval: 500, pingTimeout: 800, maxHttpBufferSize: 1_000_000, connectTimeout: 2_000 });
for (const name of ["/", "/custom"]) {
  io.of(name).on("connection", (socket) => {
    socket.emit("auth", socket.handshake.auth);
    socket.on("message", (...data) => socket.emit("message-back", ...data));
    socket.on("message-with-ack", (...data) => data.pop()(...data));
  });
}
