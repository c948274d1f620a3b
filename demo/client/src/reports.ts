/**
 * What the server is told of how links go, and when (the event `report`), if it takes that: counts alone, without peers
 * and rooms.
 */

import { after, now } from "./clock.ts";
import type { Connection } from "./connection.ts";
import { MAX_REPORT_TIME, MAX_REPORT_TIMES, REPORT_EVERY_SECONDS } from "./protocol/limits.ts";
import type { PathName } from "./session/events.ts";

/** Where a link's messages go; `turn` is a direct path that leads through a TURN server. */
export type Way = PathName | "turn";

/** Seconds from a change to its report: what happens when a room has been joined is told together. */
export const SETTLING = 1;

/** Rooms by name, as far as they are reported. */
type Rooms = ReadonlyMap<string, { readonly peers: ReadonlyMap<string, { readonly _link: { readonly way: Way | null } }> }>;

/** The reports of one client. */
export class Reports {
  readonly #connection: Pick<Connection, "emit">;
  readonly #rooms: Rooms;
  #times: number[] = [];
  /** What the server was told on this connection; null: it takes no reports. */
  #told: string | null = null;
  /** When the next one may go. */
  #earliest = 0;
  #cancel: (() => void) | null = null;

  constructor(connection: Pick<Connection, "emit">, rooms: Rooms) {
    this.#connection = connection;
    this.#rooms = rooms;
  }

  /** The server takes reports, on the connection that there is now. */
  start(): void {
    this.#told ??= "0,0,0"; // as servers take it that have been told nothing
    this.moved();
  }

  /** A link goes another way, or is gone; `seconds`: it is direct for the first time, so long after that was wanted. */
  moved(seconds?: number): void {
    if (seconds !== undefined) {
      this.#times = [...this.#times, Math.min(seconds, MAX_REPORT_TIME)].slice(-MAX_REPORT_TIMES);
    }
    if (this.#told !== null) this.#cancel ??= after(Math.max(SETTLING, this.#earliest - now()), () => this.#report());
  }

  /** The connection is gone, and with it what the server has been told. */
  stop(): void {
    this.#told = null;
    this.#cancel?.();
    this.#cancel = null;
  }

  #report(): void {
    this.#cancel = null;
    if (this.#rooms.size === 0) return; // where nobody has anything to say
    const counts = { direct: 0, turn: 0, relay: 0 };
    for (const { peers } of this.#rooms.values()) {
      for (const { _link } of peers.values()) if (_link.way !== null) counts[_link.way] += 1;
    }
    const told = Object.values(counts).join();
    const times = this.#times;
    if (told === this.#told && times.length === 0) return;
    this.#told = told;
    this.#times = [];
    this.#earliest = now() + REPORT_EVERY_SECONDS;
    void this.#connection.emit("report", { ...counts, times });
  }
}
