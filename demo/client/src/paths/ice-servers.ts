/** The STUN and TURN servers that we were told of, as a browser takes them. */

import type { IceServer } from "../protocol/events.ts";

/** STUN servers, and as many TURN servers, that are used. */
export const MAX_SERVERS = 4;

// RFC 7064 section 3.1 and RFC 7065 section 3.1.
const URL_OF_SERVER = /^(stun|turns?):(\[[\da-f:.]+\]|[^[\]:?/\s]+)(:\d{1,5})?(\?transport=(udp|tcp))?$/i;

/**
 * The servers that can be used, in the order given, and `MAX_SERVERS` of each kind. Left out: malformed URLs, `stuns:`,
 * TURN without a credential. One of these would make a browser refuse all of them.
 */
export function iceServersFrom(told: readonly IceServer[]): RTCIceServer[] {
  const left = { stun: MAX_SERVERS, turn: MAX_SERVERS };
  const servers: RTCIceServer[] = [];
  for (const { urls, username, credential } of told) {
    for (const url of urls) {
      const [, scheme, , , transport] = URL_OF_SERVER.exec(url) ?? [];
      if (scheme === undefined) continue;
      const kind = scheme.toLowerCase() === "stun" ? "stun" : "turn";
      const usable = kind === "stun" ? transport === undefined : username !== null && credential !== null;
      if (!usable || left[kind] === 0) continue;
      left[kind] -= 1;
      servers.push(kind === "stun" || username === null || credential === null ? { urls: url } : { urls: url, username, credential });
    }
  }
  return servers;
}
