/** Time, turns and waiting: what asyncio's loop is to the Python library. Everything is in seconds. */

/** A monotonic time. */
export function now(): number {
  return performance.now() / 1000;
}

let turns: { port: MessagePort; waiting: (() => void)[] } | undefined;

/**
 * Call back in the next turn of the event loop: after what is happening now and the microtasks that follow from it.
 * Timers would not do: browsers hold them back, by 4 ms once they nest and by a second in a tab that is not shown.
 */
export function soon(callback: () => void): void {
  const { setImmediate } = globalThis as { readonly setImmediate?: (callback: () => void) => void }; // Node's
  if (setImmediate !== undefined) {
    setImmediate(callback);
    return;
  }
  if (turns === undefined) {
    const { port1, port2 } = new MessageChannel();
    const waiting: (() => void)[] = [];
    port1.onmessage = () => waiting.shift()?.();
    turns = { port: port2, waiting };
  }
  turns.waiting.push(callback);
  turns.port.postMessage(null);
}

/** A timer that calls back after so many seconds, and never before; the function takes it off. */
export function after(seconds: number, callback: () => void): () => void {
  const timer = setTimeout(callback, Math.min(Math.max(0, Math.ceil(seconds * 1000)), 2_147_483_647));
  return () => clearTimeout(timer);
}

/** Whether a promise is settled within so many seconds. What it is settled with is not looked at. */
export function within(seconds: number, promise: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve) => {
    const cancel = after(seconds, () => resolve(false));
    const settled = (): void => {
      cancel();
      resolve(true);
    };
    promise.then(settled, settled);
  });
}

/** Wakes everyone who waits for it. */
export class Bell {
  #waiting: (() => void)[] = [];

  /** Until it rings next. Rejects with the signal's reason if that is aborted before. */
  next(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal === undefined) {
        this.#waiting.push(resolve);
        return;
      }
      if (signal.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const abort = (): void => {
        this.#waiting = this.#waiting.filter((one) => one !== rung);
        reject(signal.reason as Error);
      };
      const rung = (): void => {
        signal.removeEventListener("abort", abort);
        resolve();
      };
      signal.addEventListener("abort", abort, { once: true });
      this.#waiting.push(rung);
    });
  }

  /** Wake those who wait now. */
  ring(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
