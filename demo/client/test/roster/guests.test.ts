/** Guests, as a roster tells of them (V2). */

import { expect, test } from "vitest";

import type * as wire from "../../src/protocol/events.ts";
import { RosterCore, type RosterEvent } from "../../src/roster.ts";
import { delta, joined, left, ME, Person, ROOM } from "./people.ts";

function guest(id = "guest-a", profile = '{"name":"Camera"}'): wire.Member {
  return new Person("nobody").member({ id, key: "", statement: "", profile, connection: 0 });
}

function came(id: string): wire.Change {
  return { change: "peer-joined", member: guest(id) };
}

function told(core: RosterCore): string[] {
  const all: string[] = [];
  for (let event: RosterEvent | null; (event = core.nextEvent()) !== null; ) {
    all.push("guest" in event ? `${event.type} ${event.guest.id}` : event.type);
  }
  return all;
}

function coreWith(...members: wire.Member[]): RosterCore {
  const core = new RosterCore(ROOM, ME.id);
  core.receiveJoined(joined(members), 0);
  told(core);
  return core;
}

test("they come and go", () => {
  const core = coreWith();
  core.receiveDelta(delta(10, 12, came("guest-a"), came("guest-b")), 0);
  expect(told(core)).toEqual(["GuestCame guest-a", "GuestCame guest-b"]);
  expect(core.guests.all.get("guest-a")).toMatchObject({ name: "Camera", profile: { name: "Camera" }, user: null });
  core.receiveDelta(delta(12, 13, left("guest-a")), 0);
  expect(told(core)).toEqual(["GuestLeft guest-a"]);
  expect([...core.guests.all.keys()]).toEqual(["guest-b"]);
});

test("what is known already is not told again", () => {
  const core = coreWith(guest());
  core.receiveDelta(delta(8, 11, came("guest-gone"), left("guest-gone"), came("guest-b")), 0);
  expect(told(core)).toEqual(["GuestCame guest-b"]);
  core.receiveJoined(joined([guest(), guest("guest-b")], { version: 11, resumed: true }), 0);
  expect(told(core)).toEqual([]);
});

test.each([true, false])("who is absent from a reply is gone at once (resumed: %s)", (resumed) => {
  const core = coreWith(guest());
  core.receiveJoined(joined([], { version: 1, resumed }), 0);
  expect(told(core)).toEqual(["GuestLeft guest-a"]);
  expect(core.nextTimeout()).toBeNull();
});

test.each(["no JSON", "[]", '{"name":7}'])("a profile that is none: %s", (profile) => {
  expect(coreWith(guest("guest-a", profile)).guests.all.get("guest-a")?.name).toBe("guest-a");
});
