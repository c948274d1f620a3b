/**
 * The payloads of signals, checked: they are sealed, but a peer may lie (S10).
 *
 *     request   {"seen": number of the last attempt seen, 0 for none}
 *     offer     RTCSessionDescriptionInit
 *     answer    RTCSessionDescriptionInit, and "offer": SHA-256 of the offer's SDP (K5)
 *     candidate RTCIceCandidateInit; a candidate of null or "" says that there are no more
 */

import { sha256 } from "@noble/hashes/sha2.js";

import { toText } from "../protocol/ids.ts";
import type { Candidate, Description, SignalPayload } from "./events.ts";

/** Characters in a description's SDP; a browser with many addresses writes 3,000. */
export const MAX_SDP = 32_768;
/** Characters in a candidate, and in each name beside it. */
export const MAX_CANDIDATE = 1_024;
/** Attempts are numbered in 32 bits, as a ping names them. */
export const MAX_ATTEMPT = 2 ** 32 - 1;

/** The payload that says: no more candidates. */
export const NO_MORE: SignalPayload = { candidate: null };

/** The payload of a request. */
export interface Request {
  readonly seen: unknown;
}

/** What an answer says of its offer: base64url, unpadded, of SHA-256 of the SDP as UTF-8. */
export function hashOf(description: Description): string {
  return toText(sha256(new TextEncoder().encode(description.sdp)));
}

/** Whether this can be the number of an attempt (from 1), or of none (0). */
export function isAttempt(number: unknown): number is number {
  return Number.isInteger(number) && (number as number) >= 0 && (number as number) <= MAX_ATTEMPT;
}

/** Whether this is an object with named fields, as every payload is. */
export function isPayload(payload: unknown): payload is SignalPayload {
  return typeof payload === "object" && payload !== null && !Array.isArray(payload);
}

/** Whether this is a description of that type, by its shape. Its SDP is for the direct path to read. */
export function isDescription(payload: unknown, type: string): payload is Description {
  if (!isPayload(payload) || payload.type !== type) return false;
  return isText(payload.sdp, MAX_SDP) && payload.sdp.length > 0;
}

/** Whether this is a candidate, or the word that there are no more, by its shape. */
export function isCandidate(payload: unknown): payload is SignalPayload {
  if (!isPayload(payload)) return false;
  const { candidate, sdpMid, sdpMLineIndex: index } = payload;
  return (
    (candidate == null || isText(candidate, MAX_CANDIDATE)) &&
    (sdpMid == null || isText(sdpMid, MAX_CANDIDATE)) &&
    (index == null || (Number.isInteger(index) && (index as number) >= 0 && (index as number) < 65_536))
  );
}

/** The candidate in a payload that `isCandidate`, without whatever else is there; null: no more. */
export function candidateOf(payload: SignalPayload): Candidate {
  if (!payload.candidate) return null;
  const names = ["candidate", "sdpMid", "sdpMLineIndex"].filter((name) => name in payload);
  return Object.fromEntries(names.map((name) => [name, payload[name]]));
}

function isText(value: unknown, most: number): value is string {
  return typeof value === "string" && value.length <= most;
}
