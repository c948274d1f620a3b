/**
 * What the server sends and replies, read: the types of `./events.ts` hold only once somebody has looked.
 *
 * What is left out gets its default, what is unknown is left away, and packets are a Uint8Array in browsers and in Node.
 */

import type {
  Change,
  IceServer,
  Joined,
  LeftReason,
  Limits,
  Member,
  Missed,
  PostFrom,
  Refused,
  RelayFrom,
  Relayed,
  Replaced,
  RoomClosed,
  Roster,
  Shutdown,
  SignalFrom,
  SignalKind,
  Watching,
} from "./events.ts";

/** Something of the server's makes no sense; the message says what. */
export class BadEvent extends RangeError {
  override readonly name = "BadEvent";
}

/** What the server sends, with the event's name. */
export type ServerEvent =
  | ({ readonly name: "roster" } & Roster)
  | ({ readonly name: "signal" } & SignalFrom)
  | ({ readonly name: "relay" } & RelayFrom)
  | ({ readonly name: "relayed" } & Relayed)
  | ({ readonly name: "refused" } & Refused)
  | ({ readonly name: "replaced" } & Replaced)
  | ({ readonly name: "room-closed" } & RoomClosed)
  | ({ readonly name: "shutdown" } & Shutdown)
  | ({ readonly name: "post" } & PostFrom)
  | ({ readonly name: "missed" } & Missed);

const KINDS: readonly SignalKind[] = ["request", "offer", "answer", "candidate"];
const REASONS: readonly LeftReason[] = ["left", "removed", "closed", "lost", "restarted"];

/** The reply to `join`. Throws BadEvent. */
export function readJoined(data: unknown): Joined {
  const fields = record(data, "a reply");
  return {
    room: text(fields, "room"),
    version: integer(fields, "version"),
    peers: list(fields, "peers").map(readMember),
    ice_servers: fields["ice_servers"] === undefined ? [] : list(fields, "ice_servers").map(readIceServer),
    limits: readLimits(fields["limits"]),
    resumed: flag(fields, "resumed"),
    reports: flag(fields, "reports"),
  };
}

/** The reply to `post`: the post's id. Throws BadEvent. */
export function readPosted(data: unknown): number {
  return integer(record(data, "a reply"), "id");
}

/** The reply to `watch`. Throws BadEvent. */
export function readWatching(data: unknown): Watching {
  const fields = record(data, "a reply");
  return { id: integer(fields, "id"), missed: flag(fields, "missed") };
}

/** An event of the server's; null if there is none of this name, or it makes no sense. */
export function readEvent(name: string, data: unknown): ServerEvent | null {
  try {
    return read(name, record(data, name));
  } catch (error) {
    if (error instanceof BadEvent) return null;
    throw error;
  }
}

type Fields = Readonly<Record<string, unknown>>;

function read(name: string, fields: Fields): ServerEvent | null {
  switch (name) {
    case "roster":
      return {
        name,
        room: text(fields, "room"),
        base: integer(fields, "base"),
        version: integer(fields, "version"),
        changes: list(fields, "changes").map(readChange),
      };
    case "signal":
      return {
        name,
        room: text(fields, "room"),
        from: text(fields, "from"),
        kind: oneOf(fields, "kind", KINDS),
        attempt: integer(fields, "attempt"),
        packet: bytes(fields["packet"]) ?? fields["packet"],
      };
    case "relay": {
      const packet = bytes(fields["packet"]);
      const body = fields["body"] ?? null;
      if (packet === null || (body !== null && bytes(body) === null)) throw new BadEvent("a packet is bytes");
      return { name, room: text(fields, "room"), from: text(fields, "from"), packet, body: bytes(body) };
    }
    case "relayed":
      return { name, n: integer(fields, "n") };
    case "refused":
      return { name, n: integer(fields, "n"), to: text(fields, "to"), code: text(fields, "code") };
    case "replaced":
      return { name, room: text(fields, "room"), statement: text(fields, "statement") };
    case "room-closed":
      return { name, room: text(fields, "room"), reason: text(fields, "reason") };
    case "shutdown":
      return { name, reason: text(fields, "reason"), reconnect_after: number(fields, "reconnect_after") };
    case "post":
      if (!("data" in fields)) throw new BadEvent("a post has data");
      return {
        name,
        room: text(fields, "room"),
        id: integer(fields, "id"),
        topic: text(fields, "topic"),
        event: optional(fields, "event") ?? "",
        data: fields["data"],
        from: optional(fields, "from") ?? "",
        at: integer(fields, "at"),
        watch: fields["watch"] === undefined ? 0 : integer(fields, "watch"),
      };
    case "missed":
      return {
        name,
        room: text(fields, "room"),
        id: integer(fields, "id"),
        watch: fields["watch"] === undefined ? 0 : integer(fields, "watch"),
      };
    default:
      return null;
  }
}

function readChange(data: unknown): Change {
  const fields = record(data, "a change");
  const change = text(fields, "change");
  switch (change) {
    case "peer-joined":
      return { change, member: readMember(fields["member"]) };
    case "peer-left":
      return { change, id: text(fields, "id"), reason: oneOf(fields, "reason", REASONS) };
    case "peer-updated":
      return {
        change,
        id: text(fields, "id"),
        profile: text(fields, "profile"),
        statement: text(fields, "statement"),
        ...(fields["attributes"] === undefined ? {} : { attributes: record(fields["attributes"], "attributes") }),
      };
    case "peer-away":
      return { change, id: text(fields, "id"), reason: optional(fields, "reason") ?? "" };
    case "peer-back":
      return {
        change,
        id: text(fields, "id"),
        connection: integer(fields, "connection"),
        statement: text(fields, "statement"),
      };
    default:
      throw new BadEvent(`a roster has no change "${change}"`);
  }
}

function readMember(data: unknown): Member {
  const fields = record(data, "a member");
  return {
    id: text(fields, "id"),
    key: text(fields, "key"),
    statement: text(fields, "statement"),
    profile: text(fields, "profile"),
    connection: integer(fields, "connection"),
    away: flag(fields, "away"),
    user: optional(fields, "user"),
    attributes: fields["attributes"] === undefined ? {} : record(fields["attributes"], "attributes"),
  };
}

function readIceServer(data: unknown): IceServer {
  const fields = record(data, "an ICE server");
  const urls = list(fields, "urls");
  if (!urls.every((url) => typeof url === "string")) throw new BadEvent("urls are text");
  return {
    urls,
    username: optional(fields, "username"),
    credential: optional(fields, "credential"),
    lifetime: (fields["lifetime"] ?? null) === null ? null : number(fields, "lifetime"),
  };
}

function readLimits(data: unknown): Limits {
  const fields = record(data, "limits");
  return {
    packet: integer(fields, "packet"),
    signal: integer(fields, "signal"),
    profile: integer(fields, "profile"),
    recipients: integer(fields, "recipients"),
    peers: integer(fields, "peers"),
    grace: number(fields, "grace"),
  };
}

// ---- fields

function record(data: unknown, what: string): Fields {
  if (typeof data !== "object" || data === null || Array.isArray(data)) throw new BadEvent(`${what} is an object`);
  return data as Fields;
}

function text(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== "string") throw new BadEvent(`${name} is text`);
  return value;
}

function optional(fields: Fields, name: string): string | null {
  return (fields[name] ?? null) === null ? null : text(fields, name);
}

function oneOf<T extends string>(fields: Fields, name: string, choices: readonly T[]): T {
  const value = choices.find((choice) => choice === fields[name]);
  if (value === undefined) throw new BadEvent(`${name} is one of ${choices.join(", ")}`);
  return value;
}

function integer(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value !== "number" || !Number.isSafeInteger(value)) throw new BadEvent(`${name} is an integer`);
  return value;
}

function number(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value !== "number" || !Number.isFinite(value)) throw new BadEvent(`${name} is a number`);
  return value;
}

function flag(fields: Fields, name: string): boolean {
  const value = fields[name] ?? false;
  if (typeof value !== "boolean") throw new BadEvent(`${name} is true or false`);
  return value;
}

function list(fields: Fields, name: string): unknown[] {
  const value = fields[name];
  if (!Array.isArray(value)) throw new BadEvent(`${name} is a list`);
  return value;
}

/** Socket.IO gives an ArrayBuffer in browsers and a Buffer in Node, whose `slice` copies nothing. */
function bytes(value: unknown): Uint8Array | null {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  return value instanceof Uint8Array ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : null;
}
