/** Connections for tests, with a record of what they told. */

import { randomBytes } from "node:crypto";

import { Connection, type ConnectionOptions } from "../../src/connection.ts";
import { Identity } from "../../src/identity.ts";
import { Membership } from "../../src/membership.ts";
import type { Joined } from "../../src/protocol/events.ts";

/** A connection and what it has told, oldest first. */
export class Told {
  readonly connection: Connection;
  readonly events: { name: string; data: unknown }[] = [];
  connects = 0;
  readonly losses: string[] = [];
  readonly closed: Error[] = [];
  readonly errors: unknown[] = [];

  constructor(url: string, options: Partial<ConnectionOptions> = {}) {
    this.connection = new Connection(url, {
      onEvent: (name, data) => this.events.push({ name, data }),
      onConnected: () => (this.connects += 1),
      onDisconnected: (reason) => this.losses.push(reason),
      onClosed: (error) => this.closed.push(error),
      onError: (error) => this.errors.push(error),
      ...options,
    });
  }
}

/** Somebody who joins rooms over a connection. */
export class Member {
  readonly identity = Identity.generate();
  readonly membership: Membership;

  constructor(room: string) {
    this.membership = new Membership(this.identity, new Uint8Array(randomBytes(32)), room, { name: "Ada" });
  }

  /** Join on the connection there is. */
  async join(connection: Connection): Promise<Joined> {
    const { origin, sid, number } = connection;
    return (await connection.request("join", this.membership.join({ origin, sid, connection: number }))) as Joined;
  }
}
