/** Where everyone is in the diagram, and the roads between them: geometry alone. */

/** A point, in pixels from the top left. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A peer's place, and the side of it on which its name is written. */
export interface Place extends Point {
  readonly label: "right" | "above";
}

/** Everyone's place. */
export interface Layout {
  readonly me: Point;
  readonly server: Point;
  readonly peers: readonly Place[];
  readonly narrow: boolean;
}

/** A road: cubic Bézier curves, one after another. */
export type Road = readonly Curve[];
type Curve = readonly [Point, Point, Point, Point];

/** Peers that are drawn; of more, the diagram says how many. */
export const MAX_DRAWN = 12;

const NARROW = 560;

/** Places for up to MAX_DRAWN peers in a diagram of this size: on an arc to the right of us, or in rows above us. */
export function layout(width: number, height: number, peers: number): Layout {
  const count = Math.min(peers, MAX_DRAWN);
  if (width < NARROW) return tall(width, height, count);
  const me = { x: Math.max(84, width * 0.12), y: height * 0.66 };
  const server = { x: width * 0.42, y: height * 0.17 };
  const top = height * (count > 5 ? 0.08 : 0.18);
  const bottom = height * 0.9;
  const places = Array.from({ length: count }, (_, index): Place => {
    const share = count === 1 ? 0.58 : index / (count - 1);
    // An arc: those in the middle are the furthest from us.
    return { x: width * (0.7 + 0.09 * Math.sin(Math.PI * share)), y: top + (bottom - top) * share, label: "right" };
  });
  return { me, server, peers: places, narrow: false };
}

function tall(width: number, height: number, count: number): Layout {
  const perRow = Math.max(1, Math.min(4, count));
  const rows = Math.ceil(count / perRow);
  const places = Array.from({ length: count }, (_, index): Place => {
    const row = Math.floor(index / perRow);
    const inRow = Math.min(perRow, count - row * perRow);
    const x = (width * ((index % perRow) + 0.5)) / inRow;
    return { x, y: 64 + row * Math.min(80, (height * 0.45) / rows), label: "above" };
  });
  return { me: { x: width * 0.5, y: height - 58 }, server: { x: width * 0.15, y: height * 0.66 }, peers: places, narrow: true };
}

/** The road straight from one place to another: it bends a little away from the server, to be told from the other. */
export function directRoad(from: Point, to: Point, server: Point): Road {
  const middle = { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 };
  const away = { x: middle.x - server.x, y: middle.y - server.y };
  const length = Math.hypot(away.x, away.y) || 1;
  const bend = Math.hypot(to.x - from.x, to.y - from.y) * 0.1;
  const shift = { x: (away.x / length) * bend, y: (away.y / length) * bend };
  const at = (share: number): Point => ({
    x: from.x + (to.x - from.x) * share + shift.x,
    y: from.y + (to.y - from.y) * share + shift.y,
  });
  return [[from, at(0.33), at(0.67), to]];
}

/** The road by way of the server. */
export function relayRoad(from: Point, to: Point, server: Point, narrow: boolean): Road {
  return [leg(from, server, narrow), leg(server, to, narrow)];
}

function leg(from: Point, to: Point, narrow: boolean): Curve {
  // Leave and arrive along the axis in which the diagram is long, so that legs meet smoothly at the server.
  if (narrow) {
    const half = (to.y - from.y) / 2;
    return [from, { x: from.x, y: from.y + half }, { x: to.x, y: to.y - half }, to];
  }
  const half = (to.x - from.x) / 2;
  return [from, { x: from.x + half, y: from.y }, { x: to.x - half, y: to.y }, to];
}

/** The road as the `d` of an SVG path. */
export function pathData(road: Road): string {
  const spell = (point: Point): string => `${round(point.x)} ${round(point.y)}`;
  return road.map(([a, b, c, d]) => `M${spell(a)}C${spell(b)} ${spell(c)} ${spell(d)}`).join("");
}

/** The point at a share (0 to 1) of the road; each curve takes an equal part. */
export function pointAt(road: Road, share: number): Point {
  const scaled = Math.min(Math.max(share, 0), 1) * road.length;
  const index = Math.min(Math.floor(scaled), road.length - 1);
  const curve = road[index];
  if (curve === undefined) throw new RangeError("a road has at least one curve");
  const [a, b, c, d] = curve;
  const t = scaled - index;
  const u = 1 - t;
  const along = (axis: "x" | "y"): number =>
    u * u * u * a[axis] + 3 * u * u * t * b[axis] + 3 * u * t * t * c[axis] + t * t * t * d[axis];
  return { x: along("x"), y: along("y") };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
