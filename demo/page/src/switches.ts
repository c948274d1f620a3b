/** The two switches: they cut this page off, from its peers or from the server, and tell what came of it. */

import type { Counting } from "./counting.ts";
import { directCut, serverCut } from "./cuts/index.ts";
import type { Cut } from "./cuts/cut.ts";
import { byId, setText } from "./dom.ts";
import { outcome } from "./outcome.ts";

export class Switches {
  readonly #counting: Counting;
  readonly #changed: () => void;
  #ever = false;
  /** When something was cut or healed last, in ms. */
  #since = 0;

  /** `changed` is called after every cut and healing. */
  constructor(counting: Counting, changed: () => void) {
    this.#counting = counting;
    this.#changed = changed;
    this.#wire(byId("cut-direct", HTMLButtonElement), directCut);
    this.#wire(byId("cut-server", HTMLButtonElement), serverCut);
  }

  /** Says what the cut has come to so far; `direct` and `relay`: how many peers are reached that way. */
  tell(direct: number, relay: number): void {
    const now = performance.now();
    if (this.#ever && now - this.#since > SETTLED && !directCut.on && !serverCut.on) return; // an old story
    const { onTheWay, lost, doubled } = this.#counting.totals;
    setText(
      byId("outcome", HTMLElement),
      outcome({
        directCut: directCut.on,
        serverCut: serverCut.on,
        ever: this.#ever,
        direct,
        relay,
        // In steps, or a screen reader would never come to an end.
        onTheWay: directCut.on && serverCut.on ? Math.floor(onTheWay / 10) * 10 : onTheWay,
        lost,
        doubled,
        // With the direct path cut, whatever is heard has come by the server.
        pause: directCut.on ? this.#counting.pauses.untilAllWereHeard(now) : this.#counting.pauses.longest(now),
      }),
    );
  }

  #wire(button: HTMLButtonElement, cut: Cut): void {
    button.addEventListener("click", () => {
      this.#ever = true;
      this.#since = performance.now();
      this.#counting.pauses.watch(this.#since);
      cut.on = !cut.on;
      button.setAttribute("aria-checked", String(cut.on));
      this.#changed();
    });
  }
}

/** So long after a healing its story is told, in ms. */
const SETTLED = 15_000;
