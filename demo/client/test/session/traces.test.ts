/** The kept traces of sessions, call for call: what ours gives for the same calls must be the same to the byte. */

import { describe, expect, test } from "vitest";
import { type FrameType, type Lane, decodePacket } from "../../src/codec/frames.ts";
import { DirectInstance, type Event, type Instance, RelayInstance } from "../../src/session/events.ts";
import type { Flight } from "../../src/session/routing.ts";
import { RULES, type Rules } from "../../src/session/rules.ts";
import { Session } from "../../src/session/session.ts";
import { hex, load, unhex } from "../vectors.ts";

type Told = ["relay", number, number] | ["direct", number];
type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Step = [what: string, at: number, ...given: Json[]];
interface Vectors {
  readonly rules: Record<string, number>;
  readonly traces: readonly { readonly name: string; readonly steps: readonly Step[] }[];
}

const { rules, traces } = load<Vectors>("session.json");

/** The vectors' rules, whose names are Python's. */
function rulesOf(told: Record<string, number>): Rules {
  const named = Object.entries(told).map(([name, value]) => [name.replace(/_(.)/g, (_, c) => c.toUpperCase()), value]);
  return Object.fromEntries(named) as Rules;
}

function instanceOf(path: Told): Instance {
  return path[0] === "relay" ? new RelayInstance(path[1], path[2]) : new DirectInstance(path[1]);
}

function pathOf(instance: Instance): Told {
  return instance.type === "relay" ? ["relay", instance.mine, instance.theirs] : ["direct", instance.attempt];
}

/** An event as a trace tells it: where ours says `type` and `kind`, Python's class name and `type`. */
function eventOf({ type: event, ...fields }: Event): Json {
  const told: { [key: string]: Json } = { event };
  for (const [name, value] of Object.entries(fields)) {
    const theirs = name === "kind" && event !== "ChannelOpened" ? "type" : name;
    told[theirs] = value instanceof Uint8Array ? hex(value) : (value as Json);
  }
  return told;
}

/** Makes the calls of a trace; gives for each step what the session gave. */
class Replay {
  readonly #session: Session;
  readonly #flights: Flight[] = [];

  constructor(rules: Rules) {
    this.#session = new Session(0, { rules });
  }

  step([what, at, ...given]: Step): Step {
    const session = this.#session;
    const [first, second, third] = given;
    const path = () => instanceOf(first as Told);
    const result = (value: Json): Step => [what, at, ...given.slice(0, -1), value];
    switch (what) {
      case "path_opened":
        session.pathOpened(path(), at, second as number | null);
        break;
      case "path_ended":
        session.pathEnded(path(), at);
        break;
      case "path_waiting":
        session.pathWaiting(path(), second as number, at);
        break;
      case "receive":
        session.receive(path(), decodePacket(unhex(second as string)), at);
        break;
      case "refused":
        session.refused(this.#flights[first as number] as Flight, second as string, at);
        break;
      case "handle_timeout":
        session.handleTimeout(at);
        break;
      case "open":
        return result(session.open(first as string, second as Lane));
      case "close_channel":
        session.closeChannel(first as number, at);
        break;
      case "send":
        session.send(first as number, second as FrameType, unhex(third as string), at);
        break;
      case "send_datagram":
        return result(session.sendDatagram(first as number, second as FrameType, unhex(third as string), at));
      case "listen":
        session.listen(first as number, at);
        break;
      case "handled":
        session.handled(first as number, second as number, at);
        break;
      case "can_send":
        return result(session.canSend(first as number, second as number));
      case "flush":
        return result(session.flush(at));
      case "close":
        session.close(at);
        break;
      case "ping":
        return result(session.ping(at));
      case "frames_to_send": {
        const flights = session.framesToSend(at);
        this.#flights.push(...flights);
        return result(flights.map((flight) => [pathOf(flight.instance), flight.lane, hex(flight.encode())]));
      }
      case "next_timeout":
        return result(session.nextTimeout());
      case "next_event": {
        const event = session.nextEvent();
        return result(event === null ? null : eventOf(event));
      }
      default:
        throw new Error(`no such step: ${what}`);
    }
    return [what, at, ...given];
  }
}

test("every constant is in the vectors, and the other way round", () => {
  expect(Object.keys(rulesOf(rules)).sort()).toEqual(Object.keys(RULES).sort());
});

describe("a replay gives what is kept", () => {
  test.each(traces)("$name", ({ steps }) => {
    const replay = new Replay(rulesOf(rules));
    for (const step of steps) expect(replay.step(step)).toEqual(step);
  });
});

test("a replay notices what is different", () => {
  const [trace] = traces;
  const tampered = trace?.steps.filter((step) => step[0] !== "listen") ?? [];
  const replay = new Replay(rulesOf(rules));
  expect(tampered.map((step) => replay.step(step))).not.toEqual(tampered);
});
