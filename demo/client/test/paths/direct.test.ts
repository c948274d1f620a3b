/** The direct path: the suite of paths, and what is its own. */

import { describe, expect, test } from "vitest";

import { Lane } from "../../src/codec/frames.ts";
import { checkPath } from "./check-path.ts";
import { describePair, DirectEnd, ends, makeConnection, makeDirectPair } from "./direct-pair.ts";

describe.skipIf(makeConnection === undefined)("the direct path", () => {
  checkPath(makeDirectPair);
});
