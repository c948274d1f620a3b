/** The room as a picture: everyone here, the roads between us, and messages on their way. */

import { setText, svg } from "./dom.ts";
import { directRoad, layout, MAX_DRAWN, pathData, type Place, pointAt, relayRoad, type Road } from "./layout.ts";
import type { Path } from "./round-trips.ts";

/** A peer as it is drawn. */
export interface Drawn {
  readonly id: string;
  readonly name: string;
  readonly hue: number;
  readonly path: Path;
  readonly away: boolean;
  /** Whether the path in use is cut, so that messages wait. */
  readonly waiting: boolean;
  /** Its round trip, if it is known. */
  readonly roundTrip: string;
  /** Whether it is a guest, to whom no road leads. */
  readonly guest: boolean;
}

/** All that is drawn. */
export interface Scene {
  readonly name: string;
  readonly peers: readonly Drawn[];
  readonly more: number;
  readonly directCut: boolean;
  readonly serverCut: boolean;
  readonly connected: boolean;
}

/** Messages drawn at a time; the others are not. */
const MAX_PULSES = 80;
/** Of so many messages of a peer in a direction, one is drawn. */
const SAMPLED = 4;

interface Node {
  readonly group: SVGGElement;
  readonly initials: SVGTextElement;
  readonly name: SVGTextElement;
  readonly note: SVGTextElement;
  readonly roads: Record<Path, SVGPathElement>;
  readonly seen: { in: number; out: number };
  lines: Record<Path, Road>;
}

interface Pulse {
  readonly dot: SVGCircleElement;
  readonly road: Road;
  readonly outgoing: boolean;
  readonly lasts: number;
  readonly began: number;
}

/** Draws into an `svg` element that fills its stage. */
export class Diagram {
  readonly #root: SVGSVGElement;
  readonly #stage: HTMLElement;
  readonly #roads = svg("g");
  readonly #dots = svg("g");
  readonly #nodes = svg("g");
  readonly #me: ReturnType<typeof fixedNode>;
  readonly #server: ReturnType<typeof fixedNode>;
  readonly #more = svg("text", { class: "more" });
  readonly #byId = new Map<string, Node>();
  readonly #still = matchMedia("(prefers-reduced-motion: reduce)");
  #pulses: Pulse[] = [];
  #scene: Scene = { name: "", peers: [], more: 0, directCut: false, serverCut: false, connected: false };
  #moving = false;

  constructor(root: SVGSVGElement, stage: HTMLElement) {
    this.#root = root;
    this.#stage = stage;
    this.#me = fixedNode("me", 30);
    this.#server = fixedNode("server", 0);
    this.#server.group.prepend(
      svg("rect", { class: "disk", x: "-38", y: "-17", width: "76", height: "34", rx: "10" }),
    );
    setText(this.#server.initials, "server");
    setText(this.#me.initials, "you");
    this.#nodes.append(this.#server.group, this.#me.group);
    root.append(this.#roads, this.#dots, this.#nodes, this.#more);
    new ResizeObserver(() => this.#draw()).observe(stage);
  }

  /** Shows another scene. */
  show(scene: Scene): void {
    this.#scene = scene;
    const here = new Set(scene.peers.map((peer) => peer.id));
    for (const [id, node] of this.#byId) {
      if (here.has(id)) continue;
      for (const element of [node.group, node.roads.direct, node.roads.relay]) element.remove();
      this.#byId.delete(id);
    }
    for (const peer of scene.peers.slice(0, MAX_DRAWN)) if (!this.#byId.has(peer.id)) this.#add(peer.id);
    this.#draw();
  }

  /** A message passes between us and a peer. */
  pulse(id: string, direction: "in" | "out", path: Path): void {
    const node = this.#byId.get(id);
    if (node === undefined || document.hidden || this.#still.matches || this.#pulses.length >= MAX_PULSES) return;
    const cut = path === "direct" ? this.#scene.directCut : this.#scene.serverCut;
    node.seen[direction] += 1;
    if (cut || node.seen[direction] % SAMPLED !== 1) return;
    const dot = svg("circle", { class: `dot ${path}`, r: direction === "out" ? "4.5" : "3.5" });
    this.#dots.append(dot);
    const lasts = path === "direct" ? 650 : 1000;
    this.#pulses.push({ dot, road: node.lines[path], outgoing: direction === "out", lasts, began: performance.now() });
    if (!this.#moving) {
      this.#moving = true;
      requestAnimationFrame((now) => this.#move(now));
    }
  }

  #move(now: number): void {
    this.#pulses = this.#pulses.filter((pulse) => {
      const share = (now - pulse.began) / pulse.lasts;
      if (share >= 1) {
        pulse.dot.remove();
        return false;
      }
      const { x, y } = pointAt(pulse.road, pulse.outgoing ? share : 1 - share);
      pulse.dot.setAttribute("cx", x.toFixed(1));
      pulse.dot.setAttribute("cy", y.toFixed(1));
      return true;
    });
    this.#moving = this.#pulses.length > 0;
    if (this.#moving) requestAnimationFrame((next) => this.#move(next));
  }

  #add(id: string): void {
    const initials = svg("text", { class: "initials" });
    const name = svg("text", { class: "name" });
    const note = svg("text", { class: "remark" });
    const group = svg("g", { class: "node peer" }, svg("circle", { class: "disk", r: "17" }), initials, name, note);
    const roads = { direct: svg("path"), relay: svg("path") };
    this.#roads.append(roads.relay, roads.direct);
    this.#nodes.append(group);
    this.#byId.set(id, { group, initials, name, note, roads, seen: { in: 0, out: 0 }, lines: { direct: [], relay: [] } });
  }

  #draw(): void {
    const { clientWidth: width, clientHeight: height } = this.#stage;
    if (width === 0) return;
    const scene = this.#scene;
    this.#root.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const { me, server, peers, narrow } = layout(width, height, scene.peers.length);
    place(this.#me.group, me);
    place(this.#server.group, server);
    setText(this.#me.name, scene.name);
    this.#server.group.setAttribute("class", `node server${scene.connected && !scene.serverCut ? "" : " down"}`);
    setText(this.#server.name, scene.serverCut ? "cut off" : scene.connected ? "" : "not reached");
    scene.peers.slice(0, MAX_DRAWN).forEach((peer, index) => {
      const node = this.#byId.get(peer.id);
      const at = peers[index];
      if (node === undefined || at === undefined) return;
      node.lines = { direct: directRoad(me, at, server), relay: relayRoad(me, at, server, narrow) };
      for (const path of ["direct", "relay"] as const) {
        const cut = path === "direct" ? scene.directCut : scene.serverCut || !scene.connected;
        const state = cut ? "broken" : peer.path === path && !peer.away ? "used" : "idle";
        node.roads[path].setAttribute("class", `road ${path} ${state}`);
        node.roads[path].setAttribute("d", peer.guest ? "" : pathData(node.lines[path]));
      }
      const kind = peer.guest ? "guest" : `hue-${peer.hue} ${peer.path}${peer.away ? " away" : ""}`;
      node.group.setAttribute("class", `node peer ${kind}`);
      place(node.group, at);
      setText(node.initials, initialsOf(peer.name));
      write(node, peer, at, width / Math.max(1, Math.min(4, peers.length)));
    });
    setText(this.#more, scene.more > 0 ? `and ${scene.more} more` : "");
    this.#more.setAttribute("x", String(width - 16));
    this.#more.setAttribute("y", String(height - 14));
    this.#root.setAttribute("aria-label", describe(scene));
  }
}

/** Ourselves, and the server. */
function fixedNode(kind: string, radius: number) {
  const initials = svg("text", { class: "initials" });
  const name = svg("text", { class: "name", y: String(radius + 20), "text-anchor": "middle" });
  const group = svg("g", { class: `node ${kind}` }, initials, name);
  if (radius > 0) group.prepend(svg("circle", { class: "disk", r: String(radius) }));
  else name.setAttribute("y", "-26");
  return { group, initials, name };
}

function place(group: SVGGElement, { x, y }: { x: number; y: number }): void {
  group.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
}

function write(node: Node, peer: Drawn, at: Place, room: number): void {
  const beside = at.label === "right";
  const most = beside ? 18 : Math.max(5, Math.floor(room / 9.6));
  const name = Array.from(peer.name);
  setText(node.name, name.length > most ? `${name.slice(0, most - 1).join("")}…` : peer.name);
  const way = peer.path === "direct" ? "direct" : "via server";
  if (peer.guest) setText(node.note, "guest");
  else if (peer.away || peer.waiting) setText(node.note, peer.away ? "away" : "waiting");
  else setText(node.note, beside ? `${way} ${peer.roundTrip}`.trim() : peer.roundTrip);
  for (const [text, x, y] of [
    [node.name, beside ? 26 : 0, beside ? -2 : -40],
    [node.note, beside ? 26 : 0, beside ? 14 : -25],
  ] as const) {
    text.setAttribute("x", String(x));
    text.setAttribute("y", String(y));
    text.setAttribute("text-anchor", beside ? "start" : "middle");
  }
}

/** The first letters of up to two words. */
function initialsOf(name: string): string {
  const words = name.split(" ").filter((word) => word !== "");
  return words.slice(0, 2).map((word) => Array.from(word)[0] ?? "").join("").toUpperCase();
}

/** The picture in words. */
function describe({ peers, more, directCut, serverCut }: Scene): string {
  if (peers.length === 0) return "Nobody else is here yet";
  const way = ({ guest, away, path }: Drawn): string =>
    guest ? "a guest" : away ? "away" : path === "direct" ? "direct" : "over the server";
  const who = peers.map((peer) => `${peer.name}: ${way(peer)}`);
  if (more > 0) who.push(`and ${more} more`);
  const cuts = [directCut ? "The direct path is cut." : "", serverCut ? "The server is cut." : ""].join(" ").trim();
  return `You and ${peers.length + more} others. ${who.join(", ")}. ${cuts}`.trim();
}
