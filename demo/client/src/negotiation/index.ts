/** Attempts at a direct path: who offers, when, and which signal belongs to which (S9). No I/O, no clock. */

export type {
  Abandon,
  Candidate,
  Description,
  MakeAnswer,
  MakeOffer,
  NegotiationEvent,
  SendSignal,
  SignalPayload,
  TakeAnswer,
  TakeCandidate,
} from "./events.ts";
export { Negotiation } from "./negotiation.ts";
export type { Random } from "./retry.ts";
