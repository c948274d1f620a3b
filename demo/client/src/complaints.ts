/** What is said on the console: others may give cause to it without end, so there are so many lines in a while. */

import { now } from "./clock.ts";

/** Lines that are said as they come ... */
export const MOST = 20;
/** ... in so many seconds. How many more there were is said with the first line after that. */
export const EVERY = 10;

let since = Number.NEGATIVE_INFINITY;
let said = 0;

/** Say a line, unless there were too many of late. */
export function complain(level: "warn" | "error", ...line: unknown[]): void {
  const time = now();
  if (time - since >= EVERY) {
    if (said > MOST) console.warn(`eitherway: ${said - MOST} more lines were left out here`);
    since = time;
    said = 0;
  }
  said += 1;
  if (said <= MOST) console[level]("eitherway:", ...line);
}
