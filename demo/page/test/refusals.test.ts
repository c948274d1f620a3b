import { Refused } from "eitherway";
import { expect, test } from "vitest";
import { explained, isOutdated } from "../src/refusals.ts";

test("another version of the protocol is told with what to do about it", () => {
  const refused = new Refused("unsupported-protocol", "this server speaks protocol 2");
  expect(isOutdated(refused)).toBe(true);
  expect(explained(refused)).toMatch(/Reload the page.*update it.*this server speaks protocol 2/);
});

test.each([
  [new Refused("room-full", "the room has 3 peers already"), "the room has 3 peers already (room-full)"],
  [new TypeError("of another kind"), "of another kind"],
  ["text", "text"],
  [null, "null"],
])("whatever else kept the page out is told as it is", (error, told) => {
  expect(isOutdated(error)).toBe(false);
  expect(explained(error)).toBe(told);
});
