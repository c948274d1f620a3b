/** Tokens that admit this program to the server: a fresh one is shown before each runs out. */

import { after } from "./clock.ts";
import { ConnectionFailed } from "./errors.ts";

/** What admits a client, or a function that returns a fresh one: for each connection, and before one runs out. */
export type Token = string | (() => string | Promise<string>);

/** Between these parts of what is left of a token, a fresh one is shown: not by all peers at once. */
export const RENEWED_AFTER = [0.5, 0.75] as const;
/** Seconds: no sooner and no later, whatever the token says and however wrong the clock is. */
export const RENEWED_WITHIN = [0.5, 86_400] as const;
/** Seconds until it is tried again for the first time, doubling, and at most. */
export const AGAIN = [1, 30] as const;

/** When a token runs out, in Unix time, by its own word: whoever made it knows. null: it does not say. */
export function expiry(token: string): number | null {
  try {
    const part = (token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    const found: unknown = (JSON.parse(atob(part)) as { readonly exp?: unknown } | null)?.exp;
    return typeof found === "number" && found > 0 && found < 2 ** 53 ? found : null;
  } catch {
    return null;
  }
}

/** What a renewal needs. */
export interface RenewalOptions {
  readonly fresh: () => string | Promise<string>;
  /** Tells the server. */
  readonly show: (token: string) => Promise<unknown>;
  /** What `fresh` throws, or the server's refusal; it is tried again. */
  readonly onError: (error: unknown) => void;
}

/** Shows the server a fresh token before the one that it was shown runs out, until it is stopped. */
export class Renewal {
  readonly #options: RenewalOptions;
  #cancel: () => void = () => undefined;
  #stopped = false;

  constructor(shown: string, options: RenewalOptions) {
    this.#options = options;
    this.#schedule(shown);
  }

  /** The connection is gone. */
  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  #schedule(shown: string): void {
    const expires = expiry(shown);
    if (expires === null) return;
    const [early, late] = RENEWED_AFTER;
    const [soonest, latest] = RENEWED_WITHIN;
    const seconds = (expires - Date.now() / 1000) * (early + Math.random() * (late - early));
    this.#in(Math.min(latest, Math.max(soonest, seconds)), AGAIN[0]);
  }

  #in(seconds: number, wait: number): void {
    if (!this.#stopped) this.#cancel = after(seconds, () => void this.#renew(wait));
  }

  async #renew(wait: number): Promise<void> {
    try {
      const token = await this.#options.fresh();
      if (this.#stopped) return;
      await this.#options.show(token);
      this.#schedule(token);
    } catch (error) {
      if (this.#stopped) return;
      if (!(error instanceof ConnectionFailed)) this.#options.onError(error);
      this.#in(wait, Math.min(2 * wait, AGAIN[1]));
    }
  }
}
