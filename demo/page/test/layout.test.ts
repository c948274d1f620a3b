import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { directRoad, layout, MAX_DRAWN, pathData, pointAt, relayRoad } from "../src/layout.ts";

const anySize = fc.record({
  width: fc.integer({ min: 300, max: 1600 }),
  height: fc.integer({ min: 380, max: 520 }),
  peers: fc.integer({ min: 0, max: 30 }),
});

describe("the layout", () => {
  test("keeps everyone inside, with room for a name, and nobody on top of another", () => {
    fc.assert(
      fc.property(anySize, ({ width, height, peers }) => {
        const { me, server, peers: places } = layout(width, height, peers);
        expect(places).toHaveLength(Math.min(peers, MAX_DRAWN));
        for (const place of [me, server, ...places]) {
          expect(place.x).toBeGreaterThanOrEqual(20);
          expect(place.x).toBeLessThanOrEqual(width - 20);
          expect(place.y).toBeGreaterThanOrEqual(20);
          expect(place.y).toBeLessThanOrEqual(height - 20);
        }
        for (const place of places) if (place.label === "right") expect(width - place.x).toBeGreaterThan(110);
        places.forEach((a, i) => {
          for (const b of [me, server, ...places.slice(i + 1)]) {
            expect(Math.hypot(a.x - b.x, a.y - b.y)).toBeGreaterThan(24);
          }
        });
      }),
    );
  });

  test("is tall where there is no width", () => {
    expect(layout(328, 430, 3).narrow).toBe(true);
    expect(layout(900, 430, 3).narrow).toBe(false);
  });
});

describe("roads", () => {
  const { me, server, peers } = layout(900, 430, 3);
  const peer = peers[1] ?? me;

  test("begin and end where they should", () => {
    for (const road of [directRoad(me, peer, server), relayRoad(me, peer, server, false)]) {
      expect(pointAt(road, 0)).toMatchObject({ x: me.x, y: me.y });
      expect(pointAt(road, 1).x).toBeCloseTo(peer.x);
      expect(pointAt(road, 1).y).toBeCloseTo(peer.y);
      expect(pointAt(road, -1)).toEqual(pointAt(road, 0));
      expect(pointAt(road, 2)).toEqual(pointAt(road, 1));
    }
  });

  test("over the server pass the server half-way, and direct ones keep away from it", () => {
    const half = pointAt(relayRoad(me, peer, server, false), 0.5);
    expect(half.x).toBeCloseTo(server.x);
    expect(half.y).toBeCloseTo(server.y);
    const direct = pointAt(directRoad(me, peer, server), 0.5);
    expect(Math.hypot(direct.x - server.x, direct.y - server.y)).toBeGreaterThan(100);
  });

  test("are spelled for SVG", () => {
    expect(pathData(directRoad({ x: 0, y: 0 }, { x: 10, y: 0 }, { x: 5, y: -5 }))).toBe("M0 0C3.3 1 6.7 1 10 0");
  });

  test("cannot be empty", () => {
    expect(() => pointAt([], 0.5)).toThrow(RangeError);
  });
});
