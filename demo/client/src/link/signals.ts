import type { SignalPayload } from "../negotiation/index.ts";
import type { SignalKind } from "../protocol/events.ts";

/** Signals that wait for a key; the oldest is dropped, its attempt then ends at its deadline. */
const MAX_SIGNALS_WAITING = 32;

interface Signal {
  readonly kind: SignalKind;
  readonly attempt: number;
  readonly payload: SignalPayload;
}

/** Signals that cannot be sealed yet. */
export class WaitingSignals {
  #all: Signal[] = [];

  put(signal: Signal): void {
    if (this.#all.length >= MAX_SIGNALS_WAITING) this.#all.shift();
    this.#all.push(signal);
  }

  /** All of them, oldest first; none waits any more. */
  take(): readonly Signal[] {
    return this.#all.splice(0);
  }
}
