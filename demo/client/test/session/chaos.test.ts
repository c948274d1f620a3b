/**
 * Two programs over a server that drops, doubles, reorders and replays, while sessions are discarded, programs restart
 * and connections change: what S1, S2 and K3 are for, with real handshakes and seals.
 *
 * EITHERWAY_SEEDS sets how many worlds; a failure names its seed.
 */

import { expect, test, vi } from "vitest";
import type { Session } from "../../src/session/session.ts";
import { Broken, Rng } from "./network.ts";
import { LinkSide, Program } from "./pair.ts";

vi.mock("../../src/curves.ts", () => import("./native-curves.ts"));

const SEEDS = Number(process.env["EITHERWAY_SEEDS"] ?? 40);
const FIRST_SEED = Number(process.env["EITHERWAY_SEEDS_FROM"] ?? 0);

/** Worlds that are always run: one of few in which it matters that a message 1 is for this session and no other. */
const KNOWN = [1099];

/** How often what happens. */
const WEIGHTS = { deliver: 53, send: 20, wait: 10, replay: 5, roster: 5, discard: 3, restart: 2, reconnect: 2 };
const STEPS = 150;
/** So long the two have, at the end, to find together. */
const SECONDS = 120;

type Name = "a" | "b";
const NAMES = ["a", "b"] as const;

function otherOf(name: Name): Name {
  return name === "a" ? "b" : "a";
}

/** Both programs, the server between them, and what became of every message. */
class World {
  readonly #rng: Rng;
  readonly #temper: readonly (readonly [string, number])[];
  #now = 1_000;
  /** How often the server does not pass a packet on, and says so. */
  #refuses: number;
  /** Nobody remembers what ended: then a message may come twice, but in two sessions of its receiver. */
  readonly #forgetful: boolean;
  readonly #programs: Record<Name, Program>;
  readonly #connections = { a: 1, b: 1 };
  /** The connections as the roster shows them: it may lag behind. */
  #known = { ...this.#connections };
  readonly #sides: Record<Name, LinkSide>;
  #flying: [Name, Uint8Array][] = [];
  /** First messages, which the server may deliver again at any time. */
  readonly #history: [Name, Uint8Array][] = [];
  readonly #sent: string[] = [];
  readonly delivered = new Set<string>();
  readonly #reported = new Set<string>();
  readonly #sessions = new Map<Session, number>();
  readonly #counts = new Map<string, number>();
  readonly #arrivals = new Set<string>();
  readonly #before = new Map<string, number>();

  constructor(seed: number) {
    const rng = new Rng(seed);
    this.#rng = rng;
    // Each world has its own temper: mishaps that are rare in most of them are common in some.
    this.#temper = Object.entries(WEIGHTS).map(([what, weight]) => [what, weight * this.#choice([0.3, 1, 1, 4])]);
    this.#refuses = this.#choice([0, 0.05, 0.3]);
    this.#forgetful = rng.random() < 0.2;
    const remembered = this.#forgetful ? 0 : 65_536;
    this.#programs = { a: new Program(2 * seed + 1, remembered), b: new Program(2 * seed + 2, remembered) };
    this.#sides = { a: this.#link("a"), b: this.#link("b") };
  }

  #choice<T>(list: readonly T[]): T {
    return list[Math.floor(this.#rng.random() * list.length)] as T;
  }

  #session(side: LinkSide): number {
    const { session } = side.core;
    const number = this.#sessions.get(session) ?? this.#sessions.size;
    this.#sessions.set(session, number);
    return number;
  }

  // ---- what happens

  #link(name: Name): LinkSide {
    const side = new LinkSide(this.#programs[name], this.#programs[otherOf(name)], this.#now);
    side.core.relayChanged(this.#connections[name], this.#known[otherOf(name)], this.#now);
    return side;
  }

  /** The application sends a message that says who, in which session, the how-manieth. */
  send(name: Name): string {
    const side = this.#sides[name];
    const label = `${name} ${this.#programs[name].incarnation} ${this.#session(side)}`;
    const number = (this.#counts.get(label) ?? 0) + 1;
    this.#counts.set(label, number);
    const text = `${label}: ${number}: ${"x".repeat(this.#choice([0, 0, 0, 20_000]))}`;
    this.#sent.push(text);
    side.send(Buffer.from(text), this.#now);
    return text;
  }

  /** The link is given up, say because the peer left; and then there it is again. */
  #discard(name: Name): void {
    this.#finish(name);
    this.#sides[name] = this.#link(name);
  }

  #finish(name: Name): void {
    this.#poll(name);
    for (const { payload } of this.#sides[name].core.end(this.#now)) this.#reported.add(textOf(payload));
  }

  /** The program is restarted. What it had not got acknowledged is lost with it. */
  #restart(name: Name): void {
    this.#finish(name);
    this.#programs[name].restart();
    this.#connections[name] += 1;
    this.#sides[name] = this.#link(name);
  }

  /** Each hears how the other is. */
  #roster(): void {
    this.#known = { ...this.#connections };
    for (const name of NAMES) {
      if (this.#sides[name].peerIncarnation !== this.#programs[otherOf(name)].incarnation) this.#discard(name);
      else this.#tell(name);
    }
  }

  #tell(name: Name): void {
    this.#sides[name].core.relayChanged(this.#connections[name], this.#known[otherOf(name)], this.#now);
  }

  // ---- what travels

  /** The side does what is due and sends what it has. */
  #pump(name: Name): void {
    const { core } = this.#sides[name];
    const due = core.nextTimeout();
    if (due !== null && due <= this.#now) core.handleTimeout(this.#now);
    for (const outgoing of core.packetsToSend(this.#now)) {
      core.relayWaiting(0, this.#now);
      if (this.#rng.random() < this.#refuses) {
        core.relayRefused(outgoing, this.#choice(["busy", "away", "unknown-peer"]), this.#now);
        continue;
      }
      this.#flying.push([otherOf(name), outgoing.packet]);
      if (outgoing.packet[0] === 1) this.#history.push([otherOf(name), outgoing.packet]);
    }
    this.#poll(name);
  }

  #deliver([name, packet]: [Name, Uint8Array]): void {
    this.#sides[name].core.receiveRelay(packet, this.#now);
    this.#poll(name);
  }

  /** Check what arrived, and note what was given up. */
  #poll(name: Name): void {
    const side = this.#sides[name];
    side.poll(this.#now);
    const receiver = this.#forgetful ? this.#session(side) : -1;
    for (const payload of side.received.splice(0)) {
      const text = textOf(payload);
      const shown = text.slice(0, 40);
      if (this.#arrivals.has(`${receiver} ${text}`)) throw new Broken(`twice: ${shown}`);
      this.#arrivals.add(`${receiver} ${text}`);
      this.delivered.add(text);
      const [label, number] = text.split(": ");
      const sender = `${receiver} ${label}`;
      const before = this.#before.get(sender) ?? 0;
      if (Number(number) !== before + 1) throw new Broken(`after ${before} came ${shown}`);
      this.#before.set(sender, before + 1);
    }
    for (const payload of side.undelivered.splice(0)) this.#reported.add(textOf(payload));
  }

  // ---- a run

  /** One step of a hostile world. */
  misbehave(): void {
    const rng = this.#rng;
    const name = this.#choice(NAMES);
    switch (this.#next()) {
      case "send":
        this.send(name);
        break;
      case "discard":
        this.#discard(name);
        break;
      case "restart":
        this.#restart(name);
        break;
      case "reconnect":
        this.#connections[name] += 1;
        this.#tell(name);
        break;
      case "roster":
        this.#roster();
        break;
      case "wait":
        this.#now += this.#choice([0.05, 0.3, 1.5]);
        break;
      case "replay":
        if (this.#history.length) this.#deliver(this.#choice(this.#history));
        break;
      default:
        if (this.#flying.length) {
          const at = Math.floor(rng.random() * this.#flying.length);
          const flying = this.#flying[at] as [Name, Uint8Array];
          if (rng.random() < 0.8) this.#flying.splice(at, 1);
          if (rng.random() < 0.8) this.#deliver(flying);
        }
    }
    this.#pump(name);
    for (const [list, most] of [[this.#flying, 60], [this.#history, 40]] as const) {
      while (list.length > most) list.splice(Math.floor(rng.random() * list.length), 1);
    }
  }

  #next(): string {
    let at = this.#rng.random() * this.#temper.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [what, weight] of this.#temper) if ((at -= weight) < 0) return what;
    return "deliver";
  }

  /** From now on everything arrives, in order, until both have sent a last message and nothing is open. */
  behave(): void {
    this.#roster();
    this.#refuses = 0;
    const end = this.#now + SECONDS;
    let last: string[] = [];
    while (this.#now < end) {
      for (const name of NAMES) this.#pump(name);
      const flying = this.#flying;
      this.#flying = [];
      for (const packet of flying) this.#deliver(packet);
      if (!this.#flying.length && !flying.length) this.#now += 0.05;
      if (!NAMES.every((name) => this.#idle(this.#sides[name]))) continue;
      if (last.length) {
        if (last.every((text) => this.delivered.has(text))) return;
        last = []; // the session ended meanwhile, and reported them
      } else if (NAMES.every((name) => this.#sides[name].core.bound)) {
        last = NAMES.map((name) => this.send(name));
      }
    }
    throw new Broken("the two do not find together");
  }

  #idle(side: LinkSide): boolean {
    const { queued, unacknowledged } = side.core.session.stats();
    return !queued && !unacknowledged;
  }

  /** Every message was delivered, or its sender knows that it may not have been. */
  account(): void {
    for (const text of this.#sent) {
      if (!this.delivered.has(text) && !this.#reported.has(text)) throw new Broken(`unaccounted: ${text.slice(0, 40)}`);
    }
  }
}

function textOf(payload: Uint8Array): string {
  return Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString();
}

/** One world; how many messages arrived in it. Throws Broken. */
function run(seed: number): number {
  const world = new World(seed);
  for (let step = 0; step < STEPS; step++) world.misbehave();
  for (const name of NAMES) world.send(name);
  world.behave();
  world.account();
  return world.delivered.size;
}

test("nothing is doubled, swapped or unaccounted for", { timeout: 600_000 }, () => {
  let delivered = 0;
  for (const seed of [...KNOWN, ...Array.from({ length: SEEDS }, (_, at) => FIRST_SEED + at)]) {
    try {
      delivered += run(seed);
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
  console.info(`${SEEDS} worlds, ${delivered} messages`);
  expect(delivered).toBeGreaterThan(5 * SEEDS); // worlds in which nothing happens prove nothing
});
