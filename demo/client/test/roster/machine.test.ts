/** What is believed of a room's members, whatever happens in whatever order (V1, V2). */

import fc from "fast-check";
import { expect, test } from "vitest";

import type * as wire from "../../src/protocol/events.ts";
import { RosterCore } from "../../src/roster.ts";
import { appeared, away, delta, events, joined, left, ME, Person, ROOM } from "./people.ts";

interface Believed {
  profile: string;
  connection: number;
  away: boolean;
}

/** A server's roster, which changes at random. */
class World {
  readonly people = Array.from({ length: 5 }, (_, number) => new Person(`somebody ${number}`));
  readonly there = new Map<string, wire.Member>();
  version = 1;
  readonly history: (readonly [number, wire.Change])[] = [];

  change(who: number, what: number): void {
    const person = this.people[who % this.people.length] as Person;
    const told = this.there.get(person.id);
    let change: wire.Change;
    if (told === undefined) {
      person.restart();
      change = appeared(person);
      this.there.set(person.id, change.member);
    } else if (what === 0) {
      change = person.say(`{"n": ${this.version}}`);
      this.there.set(person.id, { ...told, profile: change.profile, statement: change.statement });
    } else if (what === 1) {
      change = person.comeBack();
      this.there.set(person.id, { ...told, connection: change.connection, statement: change.statement, away: false });
    } else if (what === 2) {
      change = away(person.id);
      this.there.set(person.id, { ...told, away: true });
    } else {
      change = left(person.id);
      this.there.delete(person.id);
    }
    this.version += 1;
    this.history.push([this.version, change]);
  }

  /** What was changed since so many versions ago. */
  delta(ago: number): wire.Roster {
    const since = this.version - ago;
    return delta(since, this.version, ...this.history.filter(([at]) => at > since).map(([, change]) => change));
  }

  joined(): wire.Joined {
    return joined([...this.there.values()], { version: this.version, resumed: true });
  }
}

/** An application that keeps its own list by the events alone. */
function follow(core: RosterCore, believed: Map<string, Believed>, world: World): void {
  let again = false;
  for (const event of events(core)) {
    switch (event.type) {
      case "PeerAppeared": {
        expect(believed.has(event.member.id)).toBe(false);
        const { profile, connection, away: isAway } = event.member;
        believed.set(event.member.id, { profile, connection, away: isAway });
        break;
      }
      case "PeerVanished":
        expect(believed.delete(event.id)).toBe(true);
        break;
      case "PeerChanged":
        believed.set(event.id, { ...(believed.get(event.id) as Believed), profile: event.profile });
        break;
      case "PeerWentAway":
        believed.set(event.id, { ...(believed.get(event.id) as Believed), away: true });
        break;
      case "PeerCameBack": {
        const { connection } = event;
        believed.set(event.id, { ...(believed.get(event.id) as Believed), connection, away: false });
        break;
      }
      case "MustJoinAgain":
        again = true;
        break;
      case "BadMember":
        throw new Error(`${event.id}: ${event.why}`);
    }
  }
  if (again) {
    core.receiveJoined(world.joined(), 0);
    follow(core, believed, world);
  }
}

test("whatever is missed or doubled, all come to believe the same", () => {
  const step = fc.record({ who: fc.nat(4), what: fc.nat(3), told: fc.boolean(), ago: fc.constantFrom(1, 1, 1, 2, 4) });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
      const world = new World();
      const core = new RosterCore(ROOM, ME.id);
      const believed = new Map<string, Believed>();
      core.receiveJoined(world.joined(), 0);
      for (const { who, what, told, ago } of steps) {
        world.change(who, what);
        if (told) core.receiveDelta(world.delta(ago), 0);
        follow(core, believed, world);
      }
      core.receiveJoined(world.joined(), 0);
      follow(core, believed, world);
      expect(new Set(believed.keys())).toEqual(new Set(world.there.keys()));
      for (const [id, { profile, connection, away: isAway }] of world.there) {
        const one = believed.get(id);
        expect([one?.profile, one?.away]).toEqual([profile, isAway]);
        if (!isAway) expect(one?.connection).toBe(connection); // of one who is away it is told when it is back
        expect(core.member(id)).toBeDefined();
      }
    }),
    { numRuns: 40 },
  );
}, 60_000);
