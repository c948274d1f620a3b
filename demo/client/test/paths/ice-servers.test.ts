/** Which of the STUN and TURN servers that we were told of a browser is given. */

import { expect, test } from "vitest";

import { iceServersFrom, MAX_SERVERS } from "../../src/paths/ice-servers.ts";
import type { IceServer } from "../../src/protocol/events.ts";

function told(urls: string[], username: string | null = null, credential: string | null = null): IceServer {
  return { urls, username, credential, lifetime: null };
}

test("each URL is one of its own, TURN with its credential", () => {
  const servers = [told(["stun:a.example", "stun:[2001:db8::1]:3479"]), told(["turn:t:3478?transport=tcp", "turns:t"], "u", "c")];
  expect(iceServersFrom(servers)).toEqual([
    { urls: "stun:a.example" },
    { urls: "stun:[2001:db8::1]:3479" },
    { urls: "turn:t:3478?transport=tcp", username: "u", credential: "c" },
    { urls: "turns:t", username: "u", credential: "c" },
  ]);
});

test("a credential beside STUN is not given away", () => {
  expect(iceServersFrom([told(["stun:a"], "u", "c")])).toEqual([{ urls: "stun:a" }]);
});

test("what would make a browser refuse all of them is left out", () => {
  const bad = ["", "stuns:a", "http://a", "stun:", "stun:a b", "stun:a:port", "stun:a?transport=udp", "turn:a?transport=sctp", "turn:a/b"];
  expect(iceServersFrom([told(bad, "u", "c"), told(["turn:a"]), told(["turn:a"], "u")])).toEqual([]);
});

test("there are at most so many of each kind", () => {
  const many = Array.from({ length: 10 }, (_, number) => number);
  const servers = [told(many.map((number) => `stun:s${number}`)), told(many.map((number) => `turn:t${number}`), "u", "c")];
  expect(iceServersFrom(servers).map(({ urls }) => urls)).toEqual([
    ...many.slice(0, MAX_SERVERS).map((number) => `stun:s${number}`),
    ...many.slice(0, MAX_SERVERS).map((number) => `turn:t${number}`),
  ]);
});
