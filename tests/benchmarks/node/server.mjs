// A server as Socket.IO's documentation has it: it passes events on to whoever they name.
import { Server } from "socket.io";
import { run } from "./child.mjs";

await run({
  async serve(benchmark) {
    const io = new Server({ maxHttpBufferSize: 10_000_000 });
    io.on("connection", (socket) => {
      socket.on("pass_on", (to, data) => io.to(to).emit("message", data));
      socket.on("enter", (room, answer) => {
        socket.join(room);
        answer({});
      });
      socket.on("post", (post, answer) => {
        io.to(post.room).emit("post", post);
        answer({});
      });
    });
    io.listen(0);
    const { port } = io.httpServer.address();
    benchmark.tell({ url: `http://127.0.0.1:${port}` });
    await benchmark.hear();
  },
});
