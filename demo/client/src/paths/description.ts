/** Offers and answers of a connection that carries data channels and nothing else (RFC 8829, RFC 8841), checked. */

import type { Description } from "../negotiation/index.ts";
import { MAX_PATH_PACKET } from "./path.ts";

/** Characters in the SDP of a description; a browser with many addresses writes 3,000. */
export const MAX_SDP = 32_768;

/** The peer's description is not one that we can take. */
export class DescriptionError extends RangeError {
  override readonly name = "DescriptionError";
}

/**
 * Check the peer's description before a browser sees it: it would take sections of audio and video, too.
 *
 * Throws DescriptionError if it is not a `type` of one data-only section that we can connect to.
 */
export function checkDescription(description: Description, type: "offer" | "answer"): void {
  const { sdp } = description;
  if (description.type !== type) throw new DescriptionError(`not an RTCSessionDescriptionInit of type ${type}`);
  if (typeof sdp !== "string" || sdp.length > MAX_SDP) {
    throw new DescriptionError(`sdp must be a string of at most ${MAX_SDP} characters`);
  }
  const lines = sdp.split(/\r?\n/);
  const sections = lines.filter((line) => line.startsWith("m="));
  const [kind, port, protocol] = (sections[0] ?? "").split(" ");
  if (sections.length !== 1 || kind !== "m=application") {
    throw new DescriptionError("sdp must have one m-section, of data channels");
  }
  const value = (name: string): string | undefined =>
    lines.find((line) => line.startsWith(`a=${name}:`))?.slice(name.length + 3);
  if (port === "0" || !/^(UDP|TCP)\/DTLS\/SCTP$/.test(protocol ?? "") || !value("sctp-port")) {
    throw new DescriptionError("its m-section must be a live one of SCTP over DTLS (RFC 8841)");
  }
  if (!value("ice-ufrag") || !value("ice-pwd")) throw new DescriptionError("ice-ufrag or ice-pwd is missing");
  if (!value("fingerprint") || !value("setup")) throw new DescriptionError("fingerprint or setup is missing");
  // RFC 8841 section 6: without the attribute, 64 KiB. 0 means any size.
  const size = Number(value("max-message-size") ?? MAX_PATH_PACKET);
  if (!(size === 0 || size >= MAX_PATH_PACKET)) {
    throw new DescriptionError(`max-message-size must be at least ${MAX_PATH_PACKET}`);
  }
}
