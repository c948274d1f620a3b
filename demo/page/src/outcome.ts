/** What a cut came to, in one sentence or two. */

import { count, duration } from "./format.ts";

/** What there is to tell of. */
export interface Happening {
  readonly directCut: boolean;
  readonly serverCut: boolean;
  /** Whether something was cut or healed at all since the page was opened. */
  readonly ever: boolean;
  readonly direct: number;
  readonly relay: number;
  readonly onTheWay: number;
  readonly lost: number;
  readonly doubled: number;
  /** How long messages paused after the last cut or healing, in ms. */
  readonly pause: number;
}

/** A pause that nobody would notice, in ms: messages come every 50 ms. */
const STEADY = 150;

/** The sentence; empty while nothing was cut yet. */
export function outcome(happening: Happening): string {
  const { directCut, serverCut, ever, direct, relay } = happening;
  if (!ever) return "";
  if (direct + relay === 0) return "There is nobody to talk to yet: open this page in a second tab.";
  if (directCut && serverCut) {
    return `Both are cut: nothing can pass. ${messages(happening.onTheWay)} and will arrive when you heal one.`;
  }
  if (directCut) return `Direct path cut. ${direct > 0 ? "Noticing …" : `The server took over${after(happening)}`}`;
  if (serverCut) {
    if (direct === 0) return `Server cut, and there is no direct path: ${messages(happening.onTheWay)}.`;
    return `Server cut. Direct paths carry on${after(happening)}`;
  }
  return `Whole again${after(happening)}`;
}

function after({ pause, lost, doubled }: Happening): string {
  const paused = pause > STEADY ? ` after ${duration(pause)}` : " without a pause";
  return `${paused}: ${count(lost)} lost, ${count(doubled)} doubled.`;
}

function messages(waiting: number): string {
  return waiting === 1 ? "1 message waits" : `${count(waiting)} messages wait`;
}
