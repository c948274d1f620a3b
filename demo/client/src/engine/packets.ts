/**
 * Packets as they go over the wire: of Socket.IO (protocol 5), inside those of Engine.IO (protocol 4).
 *
 * An Engine.IO packet is a text that begins with the digit of its type, or the bytes of a binary message.
 */

/** An Engine.IO packet. */
export type Packet = string | Uint8Array;

/** Types of Engine.IO packets; a message holds a part of a packet of Socket.IO. */
export const OPEN = "0";
export const CLOSE = "1";
export const PING = "2";
export const PONG = "3";
export const MESSAGE = "4";

/** Types of Socket.IO packets. */
export const CONNECT = 0;
export const DISCONNECT = 1;
export const EVENT = 2;
export const ACK = 3;
export const CONNECT_ERROR = 4;
/** What an event's or acknowledgement's type is higher by if attachments follow. */
const BINARY = 3;

/** Attachments of one packet; the server sends two at most. */
const MOST_ATTACHMENTS = 10;

/** Type, attachments, namespace, id, JSON. */
const SHAPE = /^([0-6])(?:(\d+)-)?(?:(\/[^,]*),?)?(\d*)(.*)$/s;
/** What separates packets in a payload of long-polling. */
const SEPARATOR = "\x1e";

/** A packet of Socket.IO's, whole: attachments are in their places. */
export interface SocketPacket {
  /** CONNECT, DISCONNECT, EVENT, ACK or CONNECT_ERROR. */
  readonly type: number;
  readonly namespace: string;
  /** The number that an acknowledgement has in common with its event; 0 if there is none. */
  readonly id: number;
  /** The arguments of an event or acknowledgement, an event's name first. */
  readonly list: readonly unknown[];
  /** What other packets hold. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What stands where an attachment has its place. */
interface Placeholder {
  readonly _placeholder: unknown;
  readonly num: unknown;
}

/** What the server says when it opens a connection: times in milliseconds, sizes in bytes. */
export interface Handshake {
  readonly sid: string;
  readonly pingInterval: number;
  readonly pingTimeout: number;
  readonly maxPayload: number;
}

/** Something came over the wire that is no packet. */
export class BadPacket extends Error {
  override readonly name = "BadPacket";
}

/** The Engine.IO packets of one of Socket.IO's: a text, then its attachments. Ids count from 1. */
export function encodePacket(type: number, namespace: string, data?: object, id?: number): Packet[] {
  const attachments: Uint8Array[] = [];
  const json = JSON.stringify(data, function (this: Record<string, unknown>, key, value: unknown) {
    const raw = this[key]; // a Buffer has its own idea of JSON
    return raw instanceof Uint8Array ? ({ _placeholder: true, num: attachments.push(raw) - 1 } satisfies Placeholder) : value;
  }) as string | undefined;
  const head = attachments.length > 0 ? `${type + BINARY}${attachments.length}-` : type;
  const within = namespace === "/" ? "" : `${namespace},`;
  return [`${MESSAGE}${head}${within}${id ?? ""}${json ?? ""}`, ...attachments];
}

/** Puts packets of Socket.IO together from what messages hold. */
export class Reader {
  #head: RegExpExecArray | null = null;
  #missing = 0;
  #attachments: Uint8Array[] = [];

  /** Take what a message holds, and give the packet that is whole with it. Throws BadPacket. */
  take(part: Packet): SocketPacket | null {
    if (typeof part === "string") {
      this.#head = this.#missing === 0 ? SHAPE.exec(part) : null;
      this.#missing = Number(this.#head?.[2] ?? 0);
      this.#attachments = [];
      const mayHave = Number(this.#head?.[1]) > CONNECT_ERROR;
      const has = this.#missing > 0 && this.#missing <= MOST_ATTACHMENTS;
      if (this.#head === null || (mayHave ? !has : this.#head[2] !== undefined)) throw new BadPacket("no packet");
    } else {
      if (this.#missing === 0) throw new BadPacket("an attachment of nothing");
      this.#missing -= 1;
      this.#attachments.push(part);
    }
    return this.#missing === 0 ? this.#whole(this.#head as RegExpExecArray) : null;
  }

  #whole([, digit, , namespace = "/", id, json]: RegExpExecArray): SocketPacket {
    const data = parse(json || "{}", (_, value: unknown) => this.#filled(value));
    const type = Number(digit) > CONNECT_ERROR ? Number(digit) - BINARY : Number(digit);
    const isList = Array.isArray(data);
    if (isList !== (type === EVENT || type === ACK)) throw new BadPacket("arguments are a list, and nothing else is");
    return { type, namespace, id: Number(id), list: isList ? data : [], fields: data as Record<string, unknown> };
  }

  #filled(value: unknown): unknown {
    const { _placeholder, num } = (value ?? {}) as Partial<Placeholder>;
    if (_placeholder !== true) return value;
    const attachment: unknown = this.#attachments[num as number];
    if (!(attachment instanceof Uint8Array)) throw new BadPacket("a placeholder of nothing");
    return attachment;
  }
}

/** What an OPEN packet holds. Throws BadPacket. */
export function readHandshake(json: string): Handshake {
  return parse(json) as unknown as Handshake;
}

/** An object or a list. */
function parse(json: string, revive?: (key: string, value: unknown) => unknown): object {
  let data: unknown;
  try {
    data = JSON.parse(json, revive);
  } catch {
    // neither
  }
  if (typeof data !== "object" || data === null) throw new BadPacket("no JSON of an object, or a placeholder of nothing");
  return data;
}

/** A packet as it stands in a payload of long-polling. */
export function toPart(packet: Packet): string {
  if (typeof packet === "string") return packet;
  let binary = "";
  for (const byte of packet) binary += String.fromCharCode(byte);
  return `b${btoa(binary)}`;
}

/** A payload of such parts. */
export function joinParts(parts: readonly string[]): string {
  return parts.join(SEPARATOR);
}

/** The packets of a payload. Throws BadPacket. */
export function readPayload(payload: string): Packet[] {
  return payload.split(SEPARATOR).map((part) => {
    if (!part.startsWith("b")) return part;
    try {
      return Uint8Array.from(atob(part.slice(1)), (character) => character.charCodeAt(0));
    } catch {
      throw new BadPacket("no base64");
    }
  });
}
