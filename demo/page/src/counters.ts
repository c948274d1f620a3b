/** The counters: numbered messages to and from each peer, and what they come to. No clock, no network. */

import { Tally } from "./tally.ts";

/** What the receiver of a run of numbers says of it: a receipt travels with every message the other way. */
export interface Receipt {
  readonly run: number;
  /** The highest number that came. */
  readonly last: number;
  readonly lost: number;
  readonly doubled: number;
}

/** A numbered message, as it travels. `from` is the sender's id: who gets its own back looks at an echo. */
export interface Numbered {
  readonly from: string;
  readonly run: number;
  readonly n: number;
  readonly got: Receipt | null;
}

/** What is shown, over all peers. */
export interface Totals {
  readonly sent: number;
  readonly delivered: number;
  readonly onTheWay: number;
  readonly lost: number;
  readonly doubled: number;
  readonly swapped: number;
  /** Messages of others that came here. */
  readonly received: number;
}

/** The count with one peer: our run of numbers to it, and its run to us. */
export class Count {
  readonly #me: string;
  #run: number;
  #sent = 0;
  #delivered = 0;
  #reported: Receipt | null = null;
  #echoed = new Tally();
  #theirs = 0;
  #tally = new Tally();
  /** What earlier runs, in either direction, came to. */
  #before = { sent: 0, delivered: 0, lost: 0, doubled: 0, swapped: 0, received: 0 };

  /** `me`: our id. `run`: a number that this peer has not seen from us before. */
  constructor(me: string, run: number) {
    this.#me = me;
    this.#run = run;
  }

  /** The next message to send. It counts as sent from now on. */
  next(): Numbered {
    this.#sent += 1;
    const { last, lost, doubled } = this.#tally;
    const got = this.#theirs === 0 ? null : { run: this.#theirs, last, lost, doubled };
    return { from: this.#me, run: this.#run, n: this.#sent, got };
  }

  /** A message has come from the peer, whatever it says. Gives whether it was a numbered one. */
  receive(data: unknown): boolean {
    const message = readNumbered(data);
    if (message === null) return false;
    if (message.from === this.#me) {
      if (message.run === this.#run) this.#echo(message.n);
      return true;
    }
    if (message.run !== this.#theirs) this.#beginTheirs(message.run);
    this.#tally.receive(message.n);
    if (message.got !== null && message.got.run === this.#run) {
      this.#reported = message.got;
      this.#deliveredTo(message.got.last, message.got.lost);
    }
    return true;
  }

  /**
   * The session ended, and what was on its way came back to us as undelivered: it counts as not sent. Counting to this
   * peer starts anew under another run. Gives how many came back.
   */
  returned(run: number): number {
    const open = this.totals().onTheWay;
    this.#before.sent += this.#sent - open;
    this.#before.delivered += this.#delivered;
    this.#before.lost += this.#lostOfOurs();
    this.#before.doubled += this.#doubledOfOurs();
    this.#before.swapped += this.#echoed.swapped;
    this.#run = run;
    this.#sent = this.#delivered = 0;
    this.#reported = null;
    this.#echoed = new Tally();
    return open;
  }

  /** What it comes to, as of now. */
  totals(): Totals {
    const lostOfOurs = this.#lostOfOurs();
    const onTheWay = Math.max(0, this.#sent - this.#delivered - lostOfOurs);
    return {
      sent: this.#before.sent + this.#sent,
      delivered: this.#before.delivered + this.#delivered,
      onTheWay,
      lost: this.#before.lost + lostOfOurs + this.#tally.lost,
      doubled: this.#before.doubled + this.#doubledOfOurs() + this.#tally.doubled,
      swapped: this.#before.swapped + this.#echoed.swapped + this.#tally.swapped,
      received: this.#before.received + this.#tally.received,
    };
  }

  #echo(n: number): void {
    if (n > this.#sent) return;
    this.#echoed.receive(n);
    this.#deliveredTo(this.#echoed.last, this.#echoed.lost);
  }

  /** Whoever came late began to count at what it saw first: what was before is neither lost nor on its way. */
  #deliveredTo(last: number, lost: number): void {
    this.#delivered = Math.min(Math.max(0, last - lost), this.#sent);
  }

  #beginTheirs(run: number): void {
    this.#before.lost += this.#tally.lost;
    this.#before.doubled += this.#tally.doubled;
    this.#before.swapped += this.#tally.swapped;
    this.#before.received += this.#tally.received;
    this.#theirs = run;
    this.#tally = new Tally();
  }

  #lostOfOurs(): number {
    return Math.min(this.#sent, (this.#reported?.lost ?? 0) + this.#echoed.lost);
  }

  #doubledOfOurs(): number {
    return (this.#reported?.doubled ?? 0) + this.#echoed.doubled;
  }
}

/** The sum of several counts. */
export function sum(all: Iterable<Totals>): Totals {
  const total = { sent: 0, delivered: 0, onTheWay: 0, lost: 0, doubled: 0, swapped: 0, received: 0 };
  for (const one of all) for (const key of Object.keys(total) as (keyof Totals)[]) total[key] += one[key];
  return total;
}

function readNumbered(data: unknown): Numbered | null {
  if (!isRecord(data)) return null;
  const { from, run, n, got } = data;
  if (typeof from !== "string" || !isCount(run) || !isCount(n)) return null;
  return { from, run, n, got: readReceipt(got) };
}

function readReceipt(data: unknown): Receipt | null {
  if (!isRecord(data)) return null;
  const { run, last, lost, doubled } = data;
  return isCount(run) && isCount(last) && isCount(lost) && isCount(doubled) ? { run, last, lost, doubled } : null;
}

function isRecord(data: unknown): data is Record<string, unknown> {
  return typeof data === "object" && data !== null;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
