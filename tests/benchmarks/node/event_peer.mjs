// Stock Socket.IO clients that send events to each other; see tests/benchmarks/programs/event_peer.py.
import { io } from "socket.io-client";
import { run, Stopwatch } from "./child.mjs";

class End {
  #number = 0;

  static async open(benchmark, { url, room }, heard) {
    const end = new End();
    end.room = room;
    end.socket = io(url, { transports: ["websocket"], reconnection: false, auth: { protocol: 1 } });
    await new Promise((resolve, reject) => end.socket.on("connect", resolve).on("connect_error", reject));
    if (room) {
      end.socket.on("relay", ({ packet }) => heard(packet));
      end.socket.on("refused", ({ code }) => { throw new Error(`refused: ${code}`); });
      benchmark.tell({ sid: end.socket.id });
      const fields = await benchmark.hear();
      const reply = await end.socket.emitWithAck("join", fields);
      if (reply.error) throw new Error(reply.error.message);
      benchmark.tell({ id: fields.peer });
    } else {
      end.socket.on("message", heard);
      benchmark.tell({ id: end.socket.id });
    }
    end.to = (await benchmark.hear()).to;
    return end;
  }

  emit(data) {
    if (this.room) this.socket.emit("relay", { room: this.room, n: this.#number++, to: [this.to], packets: [data] });
    else this.socket.emit("pass_on", this.to, data);
  }
}

await run({
  async receive(benchmark, options) {
    let left = options.count, watch;
    let finish;
    const done = new Promise((resolve) => (finish = resolve));
    const end = await End.open(benchmark, options, () => {
      watch ??= new Stopwatch();
      left -= 1;
      if (left % options.every === 0) end.emit(Buffer.alloc(1));
      if (left === 0) {
        benchmark.tell(watch.read());
        finish();
      }
    });
    await done;
    await benchmark.hear();
  },

  async send(benchmark, options) {
    let credit = options.every * 4, more = () => {};
    const end = await End.open(benchmark, options, () => {
      credit += options.every;
      more();
    });
    const data = Buffer.alloc(options.size);
    const watch = new Stopwatch();
    for (let number = 0; number < options.count; number++) {
      if (credit === 0) await new Promise((resolve) => (more = resolve));
      credit -= 1;
      end.emit(data);
    }
    await benchmark.hear();
    benchmark.tell(watch.read());
  },

  async echo(benchmark, options) {
    const end = await End.open(benchmark, options, (data) => end.emit(data));
    await benchmark.hear();
  },

  async ping(benchmark, options) {
    let answered = () => {};
    const end = await End.open(benchmark, options, () => answered());
    const data = Buffer.alloc(options.size), seconds = [];
    for (let time = 0; time < options.times; time++) {
      const start = performance.now();
      const answer = new Promise((resolve) => (answered = resolve));
      end.emit(data);
      await answer;
      seconds.push((performance.now() - start) / 1e3);
    }
    benchmark.tell({ seconds });
    await benchmark.hear();
  },
});
