/** Limits of the wire: the sizes that both sides must agree on. */

/** The version a client names in its Socket.IO handshake `auth`. */
export const PROTOCOL = 1;
/** Bytes of UTF-8 in a room's name. */
export const MAX_ROOM_NAME = 128;
/** Bytes of UTF-8 in a profile's JSON text. */
export const MAX_PROFILE = 4_096;
/** Bytes in one sealed packet on the relay. */
export const MAX_PACKET = 60_000;
/** Bytes in the packet of one signal (JSON text, if it is not bytes). */
export const MAX_SIGNAL = 65_536;
/** Recipients of one relay event. */
export const MAX_RECIPIENTS = 256;
/** Binary attachments of one Socket.IO packet: a packet for each recipient, then a body for all (rule V7). */
export const MAX_ATTACHMENTS = MAX_RECIPIENTS + 1;
/** Bytes in all attachments of one Socket.IO packet (rule V7). */
export const MAX_ATTACHED_BYTES = 1_000_000;
/** Engine.IO packets in one long-polling payload (rule V5). */
export const MAX_POLL_PACKETS = 256;
/** The largest integer that every language's JSON carries exactly: incarnations and counters stay below. */
export const MAX_INTEGER = Number.MAX_SAFE_INTEGER;
/** The server acknowledges relays at least this often, in bytes (rule V4) ... */
export const RELAYED_EVERY_BYTES = 65_536;
/** ... and at the latest after so many seconds. */
export const RELAYED_EVERY_SECONDS = 0.05;
/** Bytes of UTF-8 in a topic, or in a pattern of topics. */
export const MAX_TOPIC = 256;
/** Words between the dots of a topic or pattern. */
export const MAX_TOPIC_WORDS = 16;
/** Patterns in one watch. */
export const MAX_PATTERNS = 64;
/** Watches of one client, in all rooms. */
export const MAX_WATCHES = 64;
/** Bytes of UTF-8 in the name of an event within a topic. */
export const MAX_EVENT_NAME = 128;
/** Bytes of UTF-8 in the key that makes a repeated post harmless. */
export const MAX_POST_KEY = 128;
/** Lists and objects that lie in each other in the data of a post. */
export const MAX_POST_DEPTH = 64;
/** Times in one report. */
export const MAX_REPORT_TIMES = 32;
/** The longest of them, in seconds. */
export const MAX_REPORT_TIME = 3_600;
/** A client reports at most this often, in seconds. */
export const REPORT_EVERY_SECONDS = 5;
