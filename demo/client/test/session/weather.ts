/** The paths between two sides, and what may happen to them: one network for sessions and for whole links. */

import fc from "fast-check";
import { KIB } from "../../src/session/rules.ts";
import { type Both, Clock, Direct, type End, type Index, type Parcel, Relay, Rng, Wire } from "./network.ts";

/** What a network is like. */
export interface Climate {
  readonly seed: number;
  /** Bytes a second, of each path. */
  readonly rate: number;
  /** Seconds, one way. */
  readonly delay: number;
  readonly jitter: number;
  /** Bytes that wait for one side on the server. */
  readonly outbox: number;
}

/** Networks of many kinds. */
export const climates: fc.Arbitrary<Climate> = fc.record({
  seed: fc.nat(),
  rate: fc.constantFrom(1e6, 2e5, 6e4),
  delay: fc.constantFrom(0.002, 0.02, 0.08),
  jitter: fc.constantFrom(0, 0, 0.05),
  outbox: fc.constantFrom(64 * KIB, 16 * KIB),
});

const seconds = (from: number, to: number) => fc.double({ min: from, max: to, noNaN: true });
const indexes = fc.constantFrom<Index>(0, 1);
const shares = seconds(0.05, 0.5);

/** What may happen to the paths. */
export const troubles = fc.oneof(
  fc.record({ what: fc.constant("attempt") }),
  fc.record({ what: fc.constant("cut"), ways: fc.constantFrom<Both<boolean>>([true, true], [true, false], [false, true]) }),
  fc.record({ what: fc.constant("restore") }),
  fc.record({ what: fc.constant("end") }),
  fc.record({ what: fc.constant("freeze"), time: seconds(0.05, 0.5) }),
  fc.record({ what: fc.constant("disconnect"), index: indexes, notice: seconds(0, 2), back: seconds(0.05, 4) }),
  fc.record({ what: fc.constant("drop"), share: shares, time: seconds(0.5, 3) }),
  fc.record({ what: fc.constant("refuse"), share: shares, time: seconds(0.5, 3) }),
  fc.record({ what: fc.constant("double"), share: shares, time: seconds(0.5, 3) }),
  fc.record({ what: fc.constant("rough"), share: shares }),
);
/** One of those. */
export type Trouble = typeof troubles extends fc.Arbitrary<infer T> ? T : never;

/** How things are in the end: a path stays up, or a relay beside a direct path that is dead in silence. */
export const peaces = fc.constantFrom("direct", "relay", "both", "suspect");
/** One of those. */
export type Peace = typeof peaces extends fc.Arbitrary<infer T> ? T : never;

/** The paths between two sides. */
export class Weather<P extends Parcel> {
  readonly clock = new Clock();
  readonly rng: Rng;
  readonly relay: Relay<P>;
  readonly attempts = new Map<number, Direct<P>>();
  readonly #ends: Both<End<P>>;
  readonly #climate: Climate;
  /** How often something failed. */
  failures = 0;

  constructor(climate: Climate, ends: (clock: Clock) => Both<End<P>>) {
    this.#climate = climate;
    this.rng = new Rng(climate.seed);
    this.#ends = ends(this.clock);
    this.relay = new Relay(this.#ends, this.clock, this.rng, climate.rate, climate.delay / 2);
    this.relay.outbox = climate.outbox;
  }

  /** Both sides connect to the server. */
  connect(): void {
    for (const index of [0, 1] as const) this.relay.connect(index);
  }

  /** A new direct attempt opens, at each side at its time. */
  attempt(): void {
    const { rate, delay, jitter } = this.#climate;
    const wires = [0, 1].map(() => new Wire(this.clock, this.rng, rate, delay, jitter)) as unknown as Both<Wire>;
    const direct = new Direct(this.#ends, this.attempts.size + 1, wires, this.clock, this.rng);
    this.attempts.set(direct.instance.attempt, direct);
  }

  /** The newest attempt that lives. */
  get direct(): Direct<P> | undefined {
    return [...this.attempts.values()].reverse().find((direct) => direct.alive);
  }

  /** A side has adopted an attempt: older ones end. */
  adopted(attempt: number): void {
    for (const [number, direct] of this.attempts) if (number < attempt) direct.end();
  }

  /** Something happens. */
  happen(trouble: Trouble): void {
    const { clock, relay, direct } = this;
    if (trouble.what !== "attempt" && trouble.what !== "restore") this.failures += 1;
    switch (trouble.what) {
      case "attempt":
        this.attempt();
        break;
      case "cut":
        direct?.cut(...trouble.ways);
        break;
      case "restore":
        direct?.restore();
        break;
      case "end":
        direct?.end();
        break;
      case "freeze":
        direct?.cut();
        clock.after(trouble.time, () => direct?.restore());
        break;
      case "disconnect": {
        const { index, notice, back } = trouble;
        relay.disconnect(index, Math.min(notice, back));
        clock.after(back, () => relay.connect(index));
        break;
      }
      case "rough":
        for (const wire of direct?.wires ?? []) wire.lose = wire.late = trouble.share;
        break;
      default: {
        const name = ({ drop: "dropping", refuse: "refusing", double: "doubling" } as const)[trouble.what];
        relay[name] = trouble.share;
        clock.after(trouble.time, () => {
          relay[name] = 0;
        });
      }
    }
  }

  /** From now on, for 12 s at least, some path stays up. */
  peace(kind: Peace): void {
    const { relay, clock } = this;
    relay.dropping = relay.refusing = relay.doubling = 0;
    const direct = this.direct;
    if (kind === "suspect" && direct !== undefined) {
      direct.cut();
      direct.staysCut = true;
    }
    if (kind === "direct" || kind === "both") this.attempt();
    for (let second = 0; second < 12; second++) clock.after(second, () => this.#keep(kind));
  }

  #keep(kind: Peace): void {
    for (const index of [0, 1] as const) {
      if (kind === "direct") this.relay.disconnect(index, 0.1);
      else this.relay.connect(index);
    }
    const direct = this.direct;
    const dead = direct === undefined || direct.wires.some((wire) => wire.isCut);
    if ((kind === "direct" || kind === "both") && dead) this.attempt();
  }
}
