/** Waiting for what happens, with a deadline: tests don't sleep for luck. */

/** Milliseconds that anything may take; on an idle machine all of it takes a few. */
export const DEADLINE = 20_000;

/** Until a condition holds, looked at every few milliseconds. Throws Error when the deadline is over. */
export async function eventually(condition: () => boolean, what = "it", deadline = DEADLINE): Promise<void> {
  const until = Date.now() + deadline;
  while (!condition()) {
    if (Date.now() > until) throw new Error(`${what} did not happen within ${deadline} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A promise's result. Throws Error when the deadline is over. */
export async function inTime<T>(promise: Promise<T>, what = "it", deadline = DEADLINE): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took more than ${deadline} ms`)), deadline);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
