/** How long to wait for something, in the public API. */
export interface Waiting {
  /** Milliseconds; without it, for ever. */
  readonly timeout?: number;
  /** Ends the waiting with its reason. */
  readonly signal?: AbortSignal;
}

/**
 * Do `work` with a signal that is aborted when the time is over, with a DOMException named TimeoutError that says
 * `why()`, or when the caller's own signal is.
 */
export async function timed<T>(
  { timeout, signal }: Waiting,
  why: (milliseconds: number) => string,
  work: (signal: AbortSignal | undefined) => Promise<T>,
): Promise<T> {
  if (timeout === undefined) return await work(signal);
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new DOMException(why(timeout), "TimeoutError")), timeout);
  const abort = (): void => controller.abort(signal?.reason);
  if (signal?.aborted) abort();
  signal?.addEventListener("abort", abort);
  try {
    return await work(controller.signal);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}
