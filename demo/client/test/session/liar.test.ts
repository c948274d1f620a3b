/** One session by hand, with a peer that lies: it ends (S10). */

import { describe, expect, test } from "vitest";
import { type Frame, FrameType, Lane } from "../../src/codec/frames.ts";
import { encodeBye } from "../../src/codec/payloads.ts";
import * as values from "../../src/codec/values.ts";
import { RELAY, Single, control } from "./single.ts";

function opening(one: Single, number: number, label: string, lane: Lane = Lane.RELIABLE, on: Lane = Lane.RELIABLE): Frame {
  const payload = values.encode([label, "", lane, {}]);
  return one.data(payload, { channel: number, kind: FrameType.OPEN, lane: on });
}

describe("a peer that lies ends its session (S10)", () => {
  const big = new Uint8Array(16_000);
  const LIES: Record<string, [(one: Single) => void, string]> = {
    "acknowledges the unsent": [(one) => one.ack(2), "frame 1 of lane reliable"],
    "acknowledges unsent bulk": [(one) => one.ack(1, 2), "frame 1 of lane bulk"],
    "handles the unsent": [(one) => one.ack(1, 1, [[0, 70_000, 1]]), "1 handled of 0 sent"],
    "gives an absurd limit": [(one) => one.ack(1, 1, [[0, 2 ** 47, 0]]), "absurd limit"],
    "gives credit for no channel": [(one) => one.ack(1, 1, [[5, 70_000, 0]]), "never opened"],
    "opens endless channels": [
      (one) => {
        for (let number = 1; number < 65; number++) one.receive(RELAY, opening(one, number, `${number}`));
      },
      "more than 64 channels",
    ],
    "opens a channel twice": [(one) => one.receive(RELAY, opening(one, 1, "x"), opening(one, 2, "x")), "a second channel"],
    "opens a number twice": [(one) => one.receive(RELAY, opening(one, 1, "x"), opening(one, 1, "y")), "opened twice"],
    "opens on another lane": [(one) => one.receive(RELAY, opening(one, 1, "x", Lane.BULK)), "opened on lane reliable"],
    "sends beyond its credit": [
      (one) => {
        for (let count = 0; count < 5; count++) one.receive(RELAY, one.data(big));
      },
      "beyond its credit",
    ],
    "sends a message without end": [
      (one) => {
        one.session.listen(0, one.now);
        for (let count = 0; count < 66; count++) one.receive(RELAY, one.data(new Uint8Array(16_384), { more: true }));
      },
      "without end",
    ],
    "changes the type in midst of a message": [
      (one) => one.receive(RELAY, one.data("1", { more: true }), one.data("2", { kind: FrameType.TEXT })),
      "a text in the midst of a bytes",
    ],
    "closes in midst of a message": [
      (one) => one.receive(RELAY, one.data("1", { more: true }), one.data("", { kind: FrameType.CLOSE })),
      "makes no sense",
    ],
    "sends on no channel": [(one) => one.receive(RELAY, one.data("1", { channel: 3 })), "not open"],
    "sends on another lane": [(one) => one.receive(RELAY, one.data("1", { lane: Lane.BULK })), "not open"],
    "sends after a close": [
      (one) => one.receive(RELAY, one.data("", { kind: FrameType.CLOSE }), one.data("1")),
      "not open",
    ],
    "says a bye that does not fit": [
      (one) => one.receive(RELAY, one.data(encodeBye(5, 0), { kind: FrameType.BYE })),
      "a bye that does not fit",
    ],
    "sends after its bye": [
      (one) => one.receive(RELAY, one.data(encodeBye(0, 0), { kind: FrameType.BYE }), one.data("1")),
      "after the bye",
    ],
    "cuts a pong short": [(one) => one.receive(RELAY, control(FrameType.PONG, new Uint8Array(3))), "a pong of 3 bytes"],
  };

  test.each(Object.entries(LIES))("%s", (_, [lie, words]) => {
    const one = new Single();
    lie(one);
    expect(one.failure()).toContain(words);
    expect(one.flights()).toEqual([]);
    one.receive(RELAY, one.data("more"));
    expect(one.events()).toEqual([]);
  });
});
