// Times that pages of one browser can compare.

/** Milliseconds since 1970, by a clock that does not jump. */
export function clock() {
  return performance.timeOrigin + performance.now();
}

/** Until so many milliseconds have passed: the end of one connection shall not delay the start of the next. */
export function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The times that messages have taken to come: `all` waits for so many. */
export class Arrivals {
  #times = [];
  #resolve;

  constructor(count) {
    this.all = new Promise((resolve) => (this.#resolve = () => this.#times.length === count && resolve(this.#times)));
  }

  /** A message has come that was begun then. */
  note(begun) {
    this.#times.push(clock() - begun);
    this.#resolve();
  }
}
