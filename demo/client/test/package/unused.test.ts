/** What is left out of the bundle, and what is not. */

import { expect, test } from "vitest";

import { withoutUnused } from "../../unused.ts";

const CODE = `
class Tree {
  constructor() { this.grow(); }
  grow() { return this.root; }
  get root() { return 1; }
  clone() { return this.cloneInto(); }
  cloneInto() { return this.clone(); }
  static plant() { return Tree.sow(); }
  static sow() { return new Tree(); }
  byKey() { return 2; }
  byText() { return 3; }
  taken() { return 4; }
  shown() { return this.behind(); }
  behind() { return 5; }
  #own() { return this.#own; }
  toString() { return "tree"; }
  [Symbol.iterator]() { return 6; }
}
const { taken } = new Tree();
export const all = [taken, new Tree()["byKey"](), new Tree()[\`byText\`]()];
`;

test("methods go that only each other name, and no others", () => {
  const rest = withoutUnused(CODE, new Set(["shown"]));
  for (const gone of ["clone", "cloneInto", "plant", "sow"]) expect(rest).not.toContain(`${gone}(`);
  for (const kept of ["grow", "root", "byKey", "byText", "taken", "shown", "behind", "#own", "toString", "constructor"]) {
    expect(rest).toContain(`${kept}()`);
  }
  expect(rest).toContain("[Symbol.iterator]()");
  expect(withoutUnused(rest, new Set(["shown"]))).toBe(rest);
});

test("names that are shown are kept with what they use", () => {
  expect(withoutUnused(CODE, new Set(["plant"]))).toContain("static sow()");
  expect(withoutUnused(CODE, new Set())).not.toContain("behind");
});
