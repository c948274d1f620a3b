/** What is believed of a room's members (V1, V2). */

import { beforeEach, describe, expect, test } from "vitest";

import type * as wire from "../../src/protocol/events.ts";
import { fromText, toText } from "../../src/protocol/ids.ts";
import { remoteOf, RosterCore } from "../../src/roster.ts";
import { appeared, away, delta, events, GRACE, joined, left, ME, Person, ROOM } from "./people.ts";

let ada: Person;
let bob: Person;

beforeEach(() => {
  ada = new Person("ada");
  bob = new Person("bob");
});

function types(core: RosterCore): string[] {
  return events(core).map(({ type }) => type);
}

/** A core that has announced these. */
function coreWith(...members: Person[]): RosterCore {
  const core = new RosterCore(ROOM, ME.id);
  core.receiveJoined(joined(members), 0);
  expect(events(core)).toHaveLength(members.length);
  return core;
}

describe("joining", () => {
  test("the reply to join announces the others in their order", () => {
    const core = new RosterCore(ROOM, ME.id);
    expect(core.joined).toBe(false);
    core.receiveJoined(joined([bob, ada]), 0);
    expect(core.joined).toBe(true);
    const told = events(core);
    expect(told.map((event) => event.type === "PeerAppeared" && event.member.id)).toEqual([bob.id, ada.id]);
    const member = core.member(ada.id);
    expect(member).toMatchObject({ key: ada.key, static: ada.static, incarnation: 1_000 });
    expect(member && remoteOf(member)).toMatchObject({ id: ada.id, statement: fromText(ada.statement()) });
    expect(core.member(ME.id)).toBeUndefined();
  });

  test("what the server says of a member is kept", () => {
    const core = new RosterCore(ROOM, ME.id);
    const shown = { away: true, user: "ada@x", attributes: { role: "host" } };
    core.receiveJoined(joined([ada.member(shown)]), 0);
    expect(events(core)).toMatchObject([{ type: "PeerAppeared", member: shown }]);
  });

  test("guests are not peers", () => {
    const core = new RosterCore(ROOM, ME.id);
    core.receiveJoined(joined([ada.member({ id: "guest-7", key: "", statement: "" })]), 0);
    expect(types(core)).toEqual(["GuestCame"]);
    expect(core.member("guest-7")).toBeUndefined();
    core.receiveDelta(delta(10, 11, left("guest-7")), 0);
    expect(types(core)).toEqual(["GuestLeft"]);
  });

  test("a statement that did not change is not checked again", () => {
    const core = coreWith(ada);
    const member = ada.member({ key: "nonsense, if it were looked at", away: true });
    core.receiveJoined(joined([member], { version: 11, resumed: true }), 0);
    expect(events(core)).toEqual([{ type: "PeerWentAway", id: ada.id }]);
  });
});

describe("statements", () => {
  const forged: [string, (ada: Person, bob: Person) => Partial<wire.Member>][] = [
    ["not base64url", () => ({ statement: "!" })],
    ["not base64url", () => ({ key: "!" })],
    ["too short", () => ({ statement: "AAAA" })],
    ["another id", (_, other) => ({ statement: other.statement() })],
    ["another id", (_, other) => ({ key: toText(other.key) })],
    ["another id", (_, other) => ({ id: other.id })],
    ["another room", (one) => ({ statement: one.statement({ room: "attic" }) })],
    ["signature", (one, other) => ({ statement: one.statement({ key: other.key }) })],
    ["not signed", () => ({ profile: '{"name": "Eve"}' })],
    ["not signed", () => ({ profile: "\ud800" })],
  ];

  test.each(forged)("who is not what the server shows is not announced: %s (%#)", (why, changes) => {
    const core = new RosterCore(ROOM, ME.id);
    core.receiveJoined(joined([ada.member(changes(ada, bob))]), 0);
    const [told, ...more] = events(core);
    expect(told).toMatchObject({ type: "BadMember", why: expect.stringContaining(why) as unknown });
    expect(more).toEqual([]);
    expect([...core.bad.values()]).toEqual([1]);
    expect(core.member(ada.id)).toBeUndefined();
  });

  test("half a surrogate pair is not taken for the text that was signed", () => {
    ada.profile = "\ufffd";
    const core = new RosterCore(ROOM, ME.id);
    core.receiveJoined(joined([ada.member({ profile: "\ud800" })]), 0);
    expect(types(core)).toEqual(["BadMember"]);
  });

  test("a bad member does not hide the others, is announced once it is right, and can leave", () => {
    const core = new RosterCore(ROOM, ME.id);
    core.receiveJoined(joined([ada.member({ profile: "x" }), bob]), 0);
    expect(types(core)).toEqual(["BadMember", "PeerAppeared"]);
    core.receiveDelta(delta(10, 11, ada.say('{"n": 1}')), 0);
    expect(types(core)).toEqual(["PeerAppeared"]);
    const other = new RosterCore(ROOM, ME.id);
    other.receiveJoined(joined([ada.member({ profile: "x" })]), 0);
    events(other);
    other.receiveDelta(delta(10, 11, left(ada.id)), 0);
    expect(events(other)).toEqual([]);
  });

  test.each(["incarnation", "profile", "same version"] as const)("the server cannot turn the clock back: %s", (old) => {
    ada.version = 5;
    const before = {
      incarnation: ada.statement({ incarnation: 999, profileVersion: 9 }),
      profile: ada.statement({ profileVersion: 4 }),
      "same version": ada.statement({ static: new Uint8Array(32) }),
    }[old];
    const core = coreWith(ada);
    core.receiveDelta(delta(10, 11, { change: "peer-joined", member: ada.member({ statement: before }) }), 0);
    expect(events(core)).toEqual([{ type: "BadMember", id: ada.id, why: "an older statement" }]);
    expect(core.member(ada.id)).toMatchObject({ incarnation: 1_000, profileVersion: 5, static: ada.static });
  });

  test("a forged profile changes nothing, but the connection is the server's to tell", () => {
    const core = coreWith(ada);
    const update: wire.Change = { change: "peer-updated", id: ada.id, profile: "{}2", statement: ada.statement() };
    core.receiveDelta(delta(10, 11, update, away(ada.id)), 0);
    expect(events(core)).toEqual([
      { type: "BadMember", id: ada.id, why: "a profile that was not signed" },
      { type: "PeerWentAway", id: ada.id },
    ]);
    expect(core.member(ada.id)?.profile).toBe("{}");
  });
});

test("attributes are the server's to tell", () => {
  const core = coreWith(ada);
  const { profile, statement } = ada.member();
  const update: wire.Change = { change: "peer-updated", id: ada.id, profile, statement };
  const changed = { type: "PeerChanged", id: ada.id, profile };
  core.receiveDelta(delta(10, 11, { ...update, attributes: { role: "teacher" } }), 0);
  expect(events(core)).toEqual([{ ...changed, attributes: { role: "teacher" } }]);
  core.receiveDelta(delta(11, 12, update), 0);
  expect(events(core)).toEqual([]);
  core.receiveDelta(delta(12, 13, { ...update, attributes: {} }), 0);
  expect(events(core)).toEqual([{ ...changed, attributes: {} }]);
});

describe("deltas", () => {
  test("each change is told", () => {
    const core = coreWith(ada);
    core.receiveDelta(delta(10, 11, appeared(bob)), 0);
    expect(types(core)).toEqual(["PeerAppeared"]);
    core.receiveDelta(delta(11, 12, bob.say('{"name": "Bob"}')), 0);
    expect(events(core)).toEqual([
      { type: "PeerChanged", id: bob.id, profile: '{"name": "Bob"}', attributes: {} },
    ]);
    core.receiveDelta(delta(12, 13, away(ada.id)), 0);
    expect(events(core)).toEqual([{ type: "PeerWentAway", id: ada.id }]);
    for (const connection of [2, 3]) {
      core.receiveDelta(delta(11 + connection, 12 + connection, ada.comeBack()), 0);
      expect(events(core)).toEqual([{ type: "PeerCameBack", id: ada.id, connection }]);
    }
    core.receiveDelta(delta(15, 16, left(ada.id, "removed")), 0);
    expect(events(core)).toEqual([{ type: "PeerVanished", id: ada.id, reason: "removed" }]);
    expect(core.member(ada.id)).toBeUndefined();
  });

  test("a new incarnation is another peer, also after having left", () => {
    const core = coreWith(ada);
    ada.restart();
    core.receiveDelta(delta(10, 11, appeared(ada)), 0);
    expect(events(core)).toMatchObject([
      { type: "PeerVanished", id: ada.id, reason: "restarted" },
      { type: "PeerAppeared", member: { incarnation: 1_001 } },
    ]);
    ada.restart();
    core.receiveDelta(delta(11, 13, left(ada.id), appeared(ada)), 0);
    expect(types(core)).toEqual(["PeerVanished", "PeerAppeared"]);
  });

  test("what is known already is not told again", () => {
    const core = new RosterCore(ROOM, ME.id);
    core.receiveJoined(joined([ada], { version: 12 }), 0);
    events(core);
    core.receiveDelta(delta(9, 14, appeared(ada), left(ada.id), appeared(ada), away(ada.id)), 0);
    expect(events(core)).toEqual([{ type: "PeerWentAway", id: ada.id }]);
  });

  test.each([
    [5, 9],
    [5, 10],
    [10, 10],
  ])("an old delta is ignored: %i to %i", (base, version) => {
    const core = coreWith(ada);
    core.receiveDelta(delta(base, version, left(ada.id)), 0);
    expect(events(core)).toEqual([]);
  });

  test("a gap makes it join again, and asks once", () => {
    const core = coreWith(ada);
    core.receiveDelta(delta(11, 12, left(ada.id)), 0);
    core.receiveDelta(delta(12, 13, appeared(bob)), 0);
    expect(events(core)).toEqual([{ type: "MustJoinAgain" }]);
    core.receiveJoined(joined([bob], { version: 13, resumed: true }), 0);
    expect(types(core)).toEqual(["PeerAppeared", "PeerVanished"]);
    core.receiveDelta(delta(15, 16), 0);
    expect(events(core)).toEqual([{ type: "MustJoinAgain" }]);
  });

  test("deltas before the reply to join, and changes of nobody, change nothing", () => {
    const early = new RosterCore(ROOM, ME.id);
    early.receiveDelta(delta(0, 1, appeared(ada)), 0);
    expect(events(early)).toEqual([]);
    const core = coreWith(ada);
    const updated: wire.Change = { change: "peer-updated", id: "nobody", profile: "{}", statement: "x" };
    const back: wire.Change = { change: "peer-back", id: "nobody", connection: 2, statement: "x" };
    core.receiveDelta(delta(10, 11, away("nobody"), left("nobody"), updated, back, left(ME.id)), 0);
    expect(events(core)).toEqual([]);
  });
});

describe("joining again", () => {
  test("who is absent after our own absence has left", () => {
    const core = coreWith(ada, bob);
    core.receiveJoined(joined([bob], { version: 20, resumed: true }), 5);
    expect(events(core)).toEqual([{ type: "PeerVanished", id: ada.id, reason: "lost" }]);
    expect(core.nextTimeout()).toBeNull();
  });

  test("after a server's restart the absent have the grace time", () => {
    const core = coreWith(ada, bob);
    core.receiveJoined(joined([], { version: 1 }), 100);
    expect(types(core)).toEqual(["PeerWentAway", "PeerWentAway"]);
    expect(core.nextTimeout()).toBe(100 + GRACE);
    ada.connection += 1;
    core.receiveDelta(delta(1, 2, appeared(ada)), 110);
    expect(events(core)).toEqual([{ type: "PeerCameBack", id: ada.id, connection: 2 }]);
    core.handleTimeout(129.9);
    expect(events(core)).toEqual([]);
    core.handleTimeout(130);
    expect(events(core)).toEqual([{ type: "PeerVanished", id: bob.id, reason: "lost" }]);
    expect(core.nextTimeout()).toBeNull();
  });

  test("a second restart does not begin the grace time anew", () => {
    const core = coreWith(ada);
    core.receiveJoined(joined([], { version: 1 }), 100);
    core.receiveJoined(joined([], { version: 1 }), 120);
    core.receiveJoined(joined([], { version: 2, resumed: true }), 125);
    expect(types(core)).toEqual(["PeerWentAway"]);
    expect(core.nextTimeout()).toBe(100 + GRACE);
  });

  test("who restarts, or leaves for good, while absent is not waited for", () => {
    const core = coreWith(ada, bob);
    core.receiveJoined(joined([], { version: 1 }), 100);
    events(core);
    ada.restart();
    core.receiveDelta(delta(1, 3, appeared(ada), left(bob.id, "closed")), 101);
    expect(events(core)).toMatchObject([
      { type: "PeerVanished", id: ada.id, reason: "restarted" },
      { type: "PeerAppeared" },
      { type: "PeerVanished", id: bob.id, reason: "closed" },
    ]);
    expect(core.nextTimeout()).toBeNull();
  });

  test("what changed meanwhile is told", () => {
    const core = coreWith(ada, bob);
    ada.say('{"n": 2}');
    ada.connection = 4;
    core.receiveJoined(joined([ada, bob.member({ away: true })], { version: 30, resumed: true }), 9);
    expect(events(core)).toEqual([
      { type: "PeerChanged", id: ada.id, profile: '{"n": 2}', attributes: {} },
      { type: "PeerCameBack", id: ada.id, connection: 4 },
      { type: "PeerWentAway", id: bob.id },
    ]);
  });
});
