/** The page: one client in one room, and everything that shows what it does. */

import { CuttableConnection, directCut, serverCut } from "./cuts/index.ts"; // before Socket.IO's client is loaded
import { claimPageIdentity, Client, type ClientOptions, type Guest, type Peer, type Room } from "eitherway";
import "@fontsource-variable/overpass/wght.css";
import "./style/index.css";
import { Chart } from "./chart.ts";
import { Chat } from "./chat.ts";
import { offerComparison } from "./comparing.ts";
import { remembered } from "./connections.ts";
import { Counting } from "./counting.ts";
import { Cursors } from "./cursors.ts";
import { Diagram, type Drawn } from "./diagram.ts";
import { byId, setText } from "./dom.ts";
import { enter, type Entered } from "./entering.ts";
import { Files } from "./files.ts";
import { count, duration } from "./format.ts";
import { showGuests } from "./guests-table.ts";
import { showInvite } from "./invite.ts";
import { log } from "./log.ts";
import { oneLine, randomName, shownName } from "./names.ts";
import { Looks } from "./people.ts";
import { showPeers } from "./peers-table.ts";
import { answerProbes } from "./probes.ts";
import { explained, isOutdated, wantsToken } from "./refusals.ts";
import { MAX_DRAWN } from "./layout.ts";
import { RoundTrips } from "./round-trips.ts";
import { Switches } from "./switches.ts";
import { themeButton } from "./theme.ts";
import { keepToken, takeToken, tokenIn } from "./token.ts";
import { askForToken, trouble } from "./trouble.ts";

const NAME = "eitherway.name";
/** Between two looks at round trips, and at everything else, in ms. */
const PING_EVERY = 500;
const SHOW_EVERY = 100;

const token = takeToken(); // first of all: nobody is to see it in the address
const chart = new Chart(byId("chart", HTMLElement));
const diagram = new Diagram(byId("diagram", SVGSVGElement), byId("stage", HTMLElement));
themeButton(() => chart.repaint());
const roomName = new URLSearchParams(location.search).get("room")?.trim() || "lobby";
setText(byId("room-name", HTMLElement), oneLine(roomName, 40));
setText(byId("module-url", HTMLElement), `${location.origin}/eitherway.js`);
showInvite(roomName);
const { Connection, all: connections } = remembered(CuttableConnection);
const nameInput = byId("name", HTMLInputElement);
nameInput.value = keptName();
keepName();
void start();
addEventListener("hashchange", () => {
  if (tokenIn(location.hash) !== null) location.reload(); // which takes it from there
});

async function start(): Promise<void> {
  const { identity } = await claimPageIdentity();
  const make = (shown: string | null): Client => makeClient(shown, { identity, RTCPeerConnection: Connection });
  const entered = await enter(roomName, token, make, (client) => client.join(roomName, { profile: profile() }));
  if (entered !== null) run(entered);
}

function makeClient(token: string | null, options: ClientOptions): Client {
  return new Client(location.origin, { ...options, ...(token !== null && { token }) });
}

function run({ client, room, token: shown }: Entered): void {
  const looks = new Looks();
  const trips = new RoundTrips();
  const newest = new Map<string, number>();
  const counting = new Counting(room, (peer, direction) => diagram.pulse(peer.id, direction, peer.path));
  const switches = new Switches(counting, draw);
  const chat = new Chat(room, (peer) => looks.of(peer));
  const files = new Files(room, (peer) => looks.of(peer).name);
  const cursors = new Cursors(room, byId("stage", HTMLElement), byId("cursors", HTMLElement), (peer) => looks.of(peer));
  answerProbes(room);
  offerComparison({
    room,
    token: shown,
    connections,
    makeClient: (options) => makeClient(shown, options),
    nameOf: (id) => shownName(room.peers.get(id)?.profile, id),
    cuts: () => ({ direct: directCut.on, server: serverCut.on }),
  });
  document.body.classList.add("joined");

  room.on("peerJoined", (peer) => {
    log(`${looks.of(peer).name} joined`);
    files.peersChanged();
    draw();
  });
  room.on("peerLeft", (peer, reason) => {
    log(`${looks.of(peer).name} left (${reason})`);
    counting.left(peer);
    newest.delete(peer.id);
    for (const part of [chat, files, cursors, looks]) part.left(peer);
    draw();
  });
  room.on("peerUpdated", () => {
    files.peersChanged();
    draw();
  });
  room.on("guestJoined", (guest) => {
    log(`${oneLine(guest.name, 32)} joined as a guest`);
    showGuests(room.guests.values());
    draw();
  });
  room.on("guestLeft", (guest, reason) => {
    log(`${oneLine(guest.name, 32)}, a guest, left (${reason})`);
    showGuests(room.guests.values());
    draw();
  });
  room.on("pathChanged", (peer, path) => {
    log(`${looks.of(peer).name}: ${path === "direct" ? "directly now" : "over the server now"}`, path);
    draw();
  });
  room.on("undelivered", ({ peer, messages }) => {
    counting.returned(peer);
    log(`${count(messages.length)} messages to ${looks.of(peer).name} came back undelivered`, "bad");
  });
  let told = false; // why the server does not let us back in, better than the room itself can tell
  client.on("error", (error) => {
    told ||= isOutdated(error) || wantsToken(error, shown);
    if (isOutdated(error)) trouble(explained(error));
    else if (wantsToken(error, shown)) void askForToken(error, shown, roomName).then(comeBackWith);
  });
  room.on("closed", (reason) => {
    if (!told) trouble(`This page is no longer in the room: ${reason}. Reload it to come back.`);
  });
  client.on("disconnected", () => {
    log("The server is gone; trying again", "bad");
    draw();
  });
  client.on("connected", () => {
    log("The server is back");
    draw();
  });
  byId("name-form", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    nameInput.blur();
  });
  nameInput.addEventListener("change", () => {
    keepName();
    room.setProfile(profile()).catch((error: unknown) => log(`Your name could not be changed: ${String(error)}`, "bad"));
    draw();
  });

  setInterval(() => {
    for (const peer of room.peers.values()) void measure(peer);
    const now = performance.now() / 1000;
    trips.close(now);
    chart.show(trips.columns(now));
    for (const [path, cut] of [["direct", directCut], ["relay", serverCut]] as const) {
      const ms = cut.on ? null : trips.newest(path, now);
      setText(byId(`rtt-${path}`, HTMLOutputElement), cut.on ? "cut" : ms === null ? "–" : duration(ms));
    }
    draw();
  }, PING_EVERY);
  setInterval(() => {
    const totals = counting.totals;
    setText(byId("sent", HTMLElement), count(totals.sent));
    setText(byId("delivered", HTMLElement), count(totals.delivered));
    setText(byId("on-the-way", HTMLElement), count(totals.onTheWay));
    setText(byId("lost", HTMLElement), count(totals.lost));
    setText(byId("doubled", HTMLElement), count(totals.doubled));
    setText(byId("swapped", HTMLElement), count(totals.swapped));
    document.body.classList.toggle("broken-promise", totals.lost + totals.doubled + totals.swapped > 0);
    const paths = reachable(room).map((peer) => peer.path);
    switches.tell(paths.filter((path) => path === "direct").length, paths.filter((path) => path === "relay").length);
  }, SHOW_EVERY);

  const pinging = new Set<Peer>();

  /** A round trip on the path in use is measured; of the other path its own figure is taken, while it can be true. */
  async function measure(peer: Peer): Promise<void> {
    for (const { path, rtt, suspect } of peer.stats().paths) {
      const cut = path === "direct" ? directCut.on : serverCut.on || !client.connected || peer.away;
      if (path !== peer.path && rtt !== null && !suspect && !cut) trips.add(path, rtt);
    }
    if (pinging.has(peer)) return;
    pinging.add(peer);
    try {
      const { rtt, path } = await peer.ping({ timeout: 5000 });
      trips.add(path, rtt);
      newest.set(peer.id, rtt);
    } catch {
      newest.delete(peer.id); // it does not answer, or has left
    } finally {
      pinging.delete(peer);
    }
  }

  function draw(): void {
    const peers = [...room.peers.values()].map((peer) => {
      const ms = newest.get(peer.id);
      const away = isAway(peer);
      const waiting = peer.path === "direct" ? directCut.on : serverCut.on;
      const roundTrip = away || waiting || ms === undefined ? "" : duration(ms);
      return { id: peer.id, ...looks.of(peer), path: peer.path, away, waiting, roundTrip, guest: false };
    });
    showPeers(peers);
    const members = [...peers, ...[...room.guests.values()].map(drawnGuest)];
    byId("alone", HTMLElement).hidden = members.length > 0;
    diagram.show({
      name: oneLine(nameInput.value, 32),
      peers: members.slice(0, MAX_DRAWN),
      more: Math.max(0, members.length - MAX_DRAWN),
      directCut: directCut.on,
      serverCut: serverCut.on,
      connected: client.connected,
    });
  }

  showGuests(room.guests.values());
  draw();
}

/** A guest in the picture: beside no road. */
function drawnGuest({ id, name }: Guest): Drawn {
  return { id, name: oneLine(name, 32), hue: 0, path: "relay", away: false, waiting: false, roundTrip: "", guest: true };
}

function reachable(room: Room): Peer[] {
  return [...room.peers.values()].filter((peer) => !isAway(peer));
}

/** Whether a peer can be reached by no path, as far as is known. */
function isAway(peer: Peer): boolean {
  return peer.away && peer.path !== "direct";
}

function comeBackWith(token: string): void {
  keepToken(token);
  location.reload();
}

/** What this page says of itself: it counts numbered messages, and takes files. */
function profile(): Record<string, unknown> {
  return { name: oneLine(nameInput.value, 32) || "Somebody", counts: true, files: true };
}

function keptName(): string {
  try {
    const name = sessionStorage.getItem(NAME);
    if (name !== null) return name;
  } catch {
    // Storage is blocked: another name with every reload.
  }
  return randomName();
}

function keepName(): void {
  try {
    sessionStorage.setItem(NAME, nameInput.value);
  } catch {
    // Storage is blocked.
  }
}
