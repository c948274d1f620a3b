/** How a peer looks on this page: its name and its colour, the same on every page. */

import type { Peer } from "eitherway";
import { shownName } from "./names.ts";

/** Colours that the style sheet knows: hue-0 to hue-7. */
const HUES = 8;

/** A peer's name as text, and the number of its colour. */
export interface Look {
  readonly name: string;
  readonly hue: number;
}

/** How a peer looks. */
export function lookOf(peer: Peer): Look {
  return { name: shownName(peer.profile, peer.id), hue: hueOf(peer.id) };
}

/** A colour for an id: ids are hashes, so any part of one is evenly spread. */
export function hueOf(id: string): number {
  let sum = 0;
  for (const character of id) sum += character.charCodeAt(0);
  return sum % HUES;
}
