// The frame of a program: a role named on the command line, and JSON lines to and from the benchmark.
import readline from "node:readline";

class Benchmark {
  #lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();

  tell(facts) {
    process.stdout.write(JSON.stringify(facts) + "\n");
  }

  // The next line; undefined once the benchmark has closed its end: it needs this program no longer.
  async hear() {
    const { value, done } = await this.#lines.next();
    return done ? undefined : JSON.parse(value);
  }
}

// Seconds, and seconds of this process's CPU, since it was made.
export class Stopwatch {
  #start = [performance.now(), process.cpuUsage()];

  read() {
    const { user, system } = process.cpuUsage(this.#start[1]);
    return { seconds: (performance.now() - this.#start[0]) / 1e3, cpu: (user + system) / 1e6 };
  }
}

export async function run(roles) {
  await roles[process.argv[2]](new Benchmark(), JSON.parse(process.argv[3]));
  process.exit(0);
}
