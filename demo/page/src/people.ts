/** How peers look on this page: each a name, and a colour of its own. */

import type { Peer } from "eitherway";
import { shownName } from "./names.ts";

/** Colours that the style sheet knows: hue-0 to hue-7. */
const HUES = 8;

/** A peer's name as text, and the number of its colour. */
export interface Look {
  readonly name: string;
  readonly hue: number;
}

/** Gives out the colours: as its id says, the same on every page, unless somebody here has that one already. */
export class Looks {
  readonly #hues = new Map<string, number>();

  /** How a peer looks. */
  of(peer: Peer): Look {
    let hue = this.#hues.get(peer.id);
    if (hue === undefined) {
      hue = this.#choose(peer.id);
      this.#hues.set(peer.id, hue);
    }
    return { name: shownName(peer.profile, peer.id), hue };
  }

  /** The peer is gone: its colour is free. */
  left(peer: Peer): void {
    this.#hues.delete(peer.id);
  }

  #choose(id: string): number {
    const wanted = hueOf(id);
    const taken = new Set(this.#hues.values());
    for (let step = 0; step < HUES; step += 1) if (!taken.has((wanted + step) % HUES)) return (wanted + step) % HUES;
    return wanted;
  }
}

/** A colour for an id. */
function hueOf(id: string): number {
  let sum = 0;
  for (const character of id) sum += character.charCodeAt(0);
  return sum % HUES;
}
