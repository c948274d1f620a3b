/** The direct path: the suite of paths, and what is its own. */

import { createSocket, type Socket } from "node:dgram";
import type { AddressInfo } from "node:net";

import { describe, expect, test } from "vitest";

import { Lane } from "../../src/codec/frames.ts";
import type { Candidate, Description } from "../../src/negotiation/index.ts";
import { LOW_MARK } from "../../src/paths/direct.ts";
import { Server } from "../server.ts";
import { eventually } from "../waiting.ts";
import { checkPath } from "./check-path.ts";
import { connections, describePair, DirectEnd, ends, makeConnection, makeDirectPair, RETRIES } from "./direct-pair.ts";

async function close(...sides: DirectEnd[]): Promise<void> {
  await Promise.all(sides.map((side) => side.path.close()));
}

/** A description as one that trickles would have sent it, and the candidates that were in it. */
function withoutCandidates(description: Description): [Description, Candidate[]] {
  const lines = description.sdp.split("\r\n");
  const candidates = lines.filter((line) => line.startsWith("a=candidate:"));
  const sdp = lines.filter((line) => !line.includes("candidate")).join("\r\n");
  return [{ ...description, sdp }, candidates.map((line) => ({ candidate: line.slice(2), sdpMid: "0", sdpMLineIndex: 0 }))];
}

/** Answers of the STUN server at `port`, 0.3 s late. */
async function lateStun(port: number): Promise<Socket> {
  const front = createSocket("udp4");
  front.on("message", (packet, from) => {
    const back = createSocket("udp4");
    back.on("message", (answer) => {
      front.send(answer, from.port, from.address);
      back.close();
    });
    setTimeout(() => back.send(packet, port, "127.0.0.1"), 300);
  });
  await new Promise<void>((resolve) => front.bind(0, "127.0.0.1", resolve));
  return front;
}

async function freeUdpPort(): Promise<number> {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const { port } = socket.address() as AddressInfo;
  await new Promise<void>((resolve) => socket.close(resolve));
  return port;
}

describe.skipIf(makeConnection === undefined)("the direct path", { retry: RETRIES }, () => {
  checkPath(makeDirectPair);

  test("it opens once on both sides and tells which way it goes", async () => {
    const { left, right } = await makeDirectPair();
    await eventually(() => left.path.stats() !== null && right.path.stats() !== null, "the report");
    const [here, there] = [left.path.stats(), right.path.stats()];
    expect(here?.localType).toBe("host");
    expect(here?.remoteType).toMatch(/^(host|prflx)$/);
    expect(there?.remoteAddress).toMatch(/:\d+$/);
    expect(here?.localAddress).toMatch(/:\d+$/);
    await close(left, right);
    expect([left.opened, right.opened]).toEqual([1, 1]);
  });

  test("its channels are those of every other program", async () => {
    const before = connections.length;
    const { left, right } = await makeDirectPair();
    for (const { asked } of connections.slice(before)) {
      expect(asked).toEqual([
        ["reliable", { negotiated: true, id: 0 }],
        ["bulk", { negotiated: true, id: 1 }],
        ["datagram", { negotiated: true, id: 2, ordered: false, maxRetransmits: 0 }],
      ]);
    }
    await close(left, right);
  });

  test("a swapped fingerprint ends the attempt, on the side that was lied to at least", async () => {
    const [left, right] = ends();
    const answer = await right.path.answer(await left.path.offer());
    const swap = (_: string, head: string, byte: string): string => head + (byte === "00" ? "01" : "00");
    const swapped = { ...answer, sdp: answer.sdp.replace(/(sha-256 )(..)/i, swap) };
    expect(swapped.sdp).not.toBe(answer.sdp);
    await left.path.takeAnswer(swapped).catch(() => undefined); // libdatachannel may have failed before it comes back
    await left.until(() => left.reasons.length === 1, "the end");
    left.path.send(Lane.RELIABLE, Uint8Array.of(1));
    await close(left, right);
    expect([left.opened, left.packets, right.packets]).toEqual([0, [], []]);
  });

  test.each<[string, (offer: Description) => unknown]>([
    ["of another type", (offer) => ({ ...offer, type: "answer" })],
    ["that is empty", (offer) => ({ ...offer, sdp: "" })],
    ["that is bytes", (offer) => ({ ...offer, sdp: new TextEncoder().encode(offer.sdp) })],
    ["that is endless", (offer) => ({ ...offer, sdp: offer.sdp + "a=x\r\n".repeat(10_000) })],
    ["with a camera", (offer) => ({ ...offer, sdp: `${offer.sdp}m=video 9 UDP/TLS/RTP/SAVPF 96\r\n` })],
    ["without a section", (offer) => ({ ...offer, sdp: offer.sdp.replace(/m=[^]*/, "") })],
    ["that is refused", (offer) => ({ ...offer, sdp: offer.sdp.replace(/m=application \d+/, "m=application 0") })],
    ["of another protocol", (offer) => ({ ...offer, sdp: offer.sdp.replace("UDP/DTLS/SCTP", "RTP/SAVP") })],
    ["without a password", (offer) => ({ ...offer, sdp: offer.sdp.replace(/a=ice-pwd.*\r\n/, "") })],
    ["without a fingerprint", (offer) => ({ ...offer, sdp: offer.sdp.replace(/a=fingerprint.*\r\n/g, "") })],
    ["without a role", (offer) => ({ ...offer, sdp: offer.sdp.replace(/a=setup.*\r\n/g, "") })],
    ["for small messages", (offer) => ({ ...offer, sdp: offer.sdp.replace(/max-message-size:\d+/, "max-message-size:999") })],
  ])("an offer %s ends the attempt", async (_, bend) => {
    const [left, right] = ends();
    const bad = bend(await left.path.offer()) as Description;
    await expect(right.path.answer(bad)).rejects.toBeInstanceOf(RangeError);
    expect(right.reasons).toHaveLength(1);
    await close(left, right);
    expect([left.reasons.length, right.reasons.length]).toEqual([1, 1]);
  });

  test("an answer of nonsense ends the attempt, and one before an offer is a bug of the owner", async () => {
    const [left, right] = ends();
    await expect(left.path.takeAnswer({ type: "answer", sdp: "" })).rejects.toThrow("after an offer");
    const offer = await left.path.offer();
    await expect(left.path.takeAnswer(offer)).rejects.toBeInstanceOf(RangeError);
    expect(left.reasons).toHaveLength(1);
    await close(left, right);
  });

  test("candidates of nonsense are left out", async () => {
    const [left, right] = ends();
    const nonsense = ["x", "candidate:x", "candidate:1 1 udp 1 no-address 1 typ host", "candidate:1 1 udp 1 192.0.2.1 1 typ strange"];
    const inits: Candidate[] = [...nonsense.map((candidate) => ({ candidate, sdpMid: "0" })), {}, null, { candidate: "" }];
    for (const init of inits) for (const side of [left, right]) side.path.takeCandidate(init);
    await describePair(left, right);
    for (let round = 0; round < 30; round += 1) for (const init of inits) left.path.takeCandidate(init);
    await left.until(() => left.opened === 1, "open");
    await close(left, right);
  });

  test.each(["before", "after"])("candidates of one side alone that come %s the descriptions connect", async (when) => {
    const [left, right] = ends();
    const [offer, candidates] = withoutCandidates(await left.path.offer());
    if (when === "before") for (const candidate of candidates) right.path.takeCandidate(candidate);
    const [answer] = withoutCandidates(await right.path.answer(offer));
    await left.path.takeAnswer(answer);
    if (when === "after") for (const candidate of candidates) right.path.takeCandidate(candidate);
    await left.until(() => left.opened === 1, "open");
    await right.until(() => right.opened === 1, "open");
    await close(left, right);
  });

  test("what a server tells late is sent as a candidate, and that there are no more", async () => {
    const port = await freeUdpPort();
    const server = await Server.started("--stun-port", String(port));
    const stun = await lateStun(port);
    try {
      const url = `stun:127.0.0.1:${(stun.address() as AddressInfo).port}`;
      const end = new DirectEnd({ offers: true, iceServers: [{ urls: url }] });
      const offer = await end.path.offer();
      expect(offer.sdp).toContain("typ host");
      expect(offer.sdp).not.toContain("srflx");
      const found = (): Candidate | undefined => end.candidates.find((one) => one?.candidate?.includes("srflx"));
      await end.until(() => end.candidates.includes(null) && found() !== undefined, "the candidates");
      expect(found()).toMatchObject({ sdpMid: "0", sdpMLineIndex: 0 });
      expect(found()?.candidate).toMatch(/^candidate:\S+ 1 UDP \d+ 127\.0\.0\.1 \d+ typ srflx/i);
      expect(end.candidates.filter((candidate) => candidate === null)).toHaveLength(1);
      await close(end);
    } finally {
      stun.close();
      await server.stop("SIGKILL");
    }
  }, 60_000);

  test.each(["new", "gathering", "offered", "answered", "connecting", "open"])("closing when %s is told once", async (moment) => {
    const [left, right] = ends();
    let offering: Promise<unknown> | undefined;
    if (moment === "gathering") {
      offering = left.path.offer();
    } else if (moment !== "new") {
      const offer = await left.path.offer();
      if (moment !== "offered") {
        const answer = await right.path.answer(offer);
        if (moment !== "answered") {
          await left.path.takeAnswer(answer);
          if (moment === "open") await left.until(() => left.opened === 1, "open");
        }
      }
    }
    const refused = offering === undefined ? undefined : expect(offering).rejects.toThrow("has ended: closed");
    await close(left, right, left);
    await refused;
    await expect(left.path.offer()).rejects.toThrow("has ended: closed");
    await new Promise((resolve) => setTimeout(resolve, 50)); // what the engine may still tell
    expect([left.reasons.length, right.reasons.length, left.afterEnd, right.afterEnd]).toEqual([1, 1, [], []]);
    expect(left.path.waiting).toBe(0);
  });

  test("a packet that overtakes the end of the handshake is kept until the path is open", async () => {
    const before = connections.length;
    const [left, right] = ends();
    const offer = await left.path.offer();
    const [reliable] = connections[before]?.channels ?? [];
    reliable?.dispatchEvent(new MessageEvent("message", { data: Uint8Array.of(7).buffer }));
    expect(left.packets).toEqual([]);
    await left.path.takeAnswer(await right.path.answer(offer));
    await left.until(() => left.packets.length === 1, "the packet");
    expect([left.opened, left.of(Lane.RELIABLE)]).toEqual([1, ["07"]]);
    await close(left, right);
  });

  test("it is told at the low mark that there is room again, and at nothing when less waits", async () => {
    const before = connections.length;
    const { left, right } = await makeDirectPair();
    const bulk = connections[before]?.channels[1];
    while ((bulk?.bufferedAmount ?? 0) <= 4 * LOW_MARK) left.path.send(Lane.BULK, new Uint8Array(60_000));
    expect(bulk?.bufferedAmountLowThreshold).toBe(LOW_MARK);
    await left.until(() => left.path.waiting === 0 && left.drains > 0, "the drain");
    await eventually(() => (bulk?.bufferedAmountLowThreshold ?? LOW_MARK) < LOW_MARK, "the last drain");
    await close(left, right);
  });

  test("a small packet that has gone is not told", async () => {
    const before = connections.length;
    const { left, right } = await makeDirectPair();
    const reliable = connections[before]?.channels[0];
    left.path.send(Lane.RELIABLE, new Uint8Array(100));
    expect(reliable?.bufferedAmountLowThreshold).toBeGreaterThan(100);
    await close(left, right);
  });

  test("a peer that opens channels of its own is ended", async () => {
    const before = connections.length;
    const { left, right } = await makeDirectPair();
    connections[before]?.connection.createDataChannel("more");
    await right.until(() => right.reasons.length === 1, "the end");
    expect(right.reasons[0]).toContain("not agreed on");
    await close(left, right);
  });

  test("text is not taken for a packet", async () => {
    const before = connections.length;
    const { left, right } = await makeDirectPair();
    connections[before]?.channels[0]?.send("text");
    left.path.send(Lane.RELIABLE, Uint8Array.of(7));
    await right.until(() => right.packets.length > 0, "the packet");
    expect(right.packets).toEqual([[Lane.RELIABLE, Uint8Array.of(7)]]);
    await close(left, right);
  });
});
