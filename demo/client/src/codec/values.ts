/**
 * Values: what every language's MessagePack and JavaScript carry alike (docs/protocol.md, "Values").
 *
 * Null, booleans, integers within 2^53, floats, strings, bytes, arrays, and maps whose keys are strings, at most 64
 * deep. MessagePack is written and read here rather than by a library: none of those for JavaScript keeps -0 apart from
 * 0, refuses text that is no UTF-8, and spends no more memory on a hostile packet than the packet has bytes.
 */

import { viewOf } from "../protocol/bytes.ts";
import { decodeUtf8, encodeUtf8 } from "../protocol/utf8.ts";

/** The largest integer that is exact; a number beyond it is a float. */
export const MAX_INTEGER = Number.MAX_SAFE_INTEGER;
/** How deep arrays and maps may lie in one another. */
export const MAX_DEPTH = 64;

/** What can be sent, and what is read. */
export type Value = null | boolean | number | string | Uint8Array | readonly Value[] | ValueMap;
/** A map as it is read: an ordinary object. */
export interface ValueMap {
  readonly [key: string]: Value;
}

const U32 = 2 ** 32;
/** Characters from which on a text has a longer head. */
const SHORT = 32;

/**
 * A value as MessagePack. Maps are plain objects or Maps; a number that is whole is written as an integer.
 *
 * Throws TypeError, naming the place, for what is no value; RangeError for a nest too deep and for half a character.
 */
export function encode(value: unknown): Uint8Array<ArrayBuffer> {
  const writer = new Writer();
  writer.write(value);
  return writer.taken();
}

/** The value in `payload`. Throws RangeError if it is not one, whole. */
export function decode(payload: Uint8Array): Value {
  const reader = new Reader(payload);
  const value = reader.read(0);
  if (reader.left > 0) throw new RangeError(`not MessagePack: ${reader.left} bytes after its end`);
  return value;
}

/** Whether a value is a map. */
export function isMap(value: Value | undefined): value is ValueMap {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

/** Heads of one kind, by the width of the number that follows: a short form, then of 8, 16 and 32 bits. */
type Heads = readonly [short: number, shortBelow: number, u8: number, u16: number, u32: number];

const STRING: Heads = [0xa0, 32, 0xd9, 0xda, 0xdb];
const BYTES: Heads = [0, 0, 0xc4, 0xc5, 0xc6];
const ARRAY: Heads = [0x90, 16, 0, 0xdc, 0xdd];
const MAP: Heads = [0x80, 16, 0, 0xde, 0xdf];

class Writer {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;
  /** Where in the value this is: keys and indices. */
  readonly #place: (string | number)[] = [];

  taken(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#at);
  }

  write(value: unknown): void {
    switch (typeof value) {
      case "string":
        this.#string(value);
        break;
      case "number":
        this.#number(value);
        break;
      case "boolean":
        this.#u8(value ? 0xc3 : 0xc2);
        break;
      case "object":
        this.#object(value);
        break;
      case "bigint":
        throw new TypeError(`${this.#where()} is a bigint: integers must lie within 2^53, send it as text`);
      default:
        throw this.#notAValue(typeof value);
    }
  }

  #object(value: object | null): void {
    if (value === null) {
      this.#u8(0xc0);
    } else if (value instanceof Uint8Array) {
      this.#head(BYTES, value.length);
      this.#put(value);
    } else if (Array.isArray(value)) {
      this.#checkDepth();
      this.#head(ARRAY, value.length);
      for (let index = 0; index < value.length; index += 1) this.#item(index, value[index]);
    } else if (value instanceof Map) {
      this.#checkDepth();
      this.#head(MAP, value.size);
      for (const [key, item] of value as Map<unknown, unknown>) {
        if (typeof key !== "string") {
          throw new TypeError(`${this.#where()} has the key ${String(key)}: keys must be strings`);
        }
        this.#string(key);
        this.#item(key, item);
      }
    } else if (isPlain(value)) {
      this.#checkDepth();
      const keys = Object.keys(value);
      this.#head(MAP, keys.length);
      for (const key of keys) {
        this.#string(key);
        this.#item(key, (value as Record<string, unknown>)[key]);
      }
    } else {
      throw this.#notAValue(value.constructor?.name ?? "object");
    }
  }

  #item(key: string | number, value: unknown): void {
    this.#place.push(key);
    this.write(value);
    this.#place.pop();
  }

  #string(text: string): void {
    if (text.length < SHORT && this.#ascii(text)) return;
    let bytes: Uint8Array;
    try {
      bytes = encodeUtf8(text);
    } catch (error) {
      throw new RangeError(`${this.#where()}: ${(error as Error).message}`);
    }
    this.#head(STRING, bytes.length);
    this.#put(bytes);
  }

  /** Write a text that is all ASCII and shorter than 32: keys mostly are, and TextEncoder takes longer than all the rest. */
  #ascii(text: string): boolean {
    this.#room(1 + text.length);
    const start = this.#at + 1;
    for (let at = 0; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (code >= 0x80) return false;
      this.#bytes[start + at] = code;
    }
    this.#bytes[this.#at] = 0xa0 | text.length;
    this.#at = start + text.length;
    return true;
  }

  #number(value: number): void {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
      this.#float(value);
    } else if (value >= 0) {
      if (value < 0x80) this.#u8(value);
      else if (value < 0x100) this.#u16(0xcc00 | value);
      else if (value < 0x10000) this.#u8u16(0xcd, value);
      else if (value < U32) this.#u8u32(0xce, value);
      else this.#u8u64(0xcf, value);
    } else if (value >= -0x20) this.#u8(value & 0xff);
    else if (value >= -0x80) this.#u16(0xd000 | (value & 0xff));
    else if (value >= -0x8000) this.#u8u16(0xd1, value);
    else if (value >= -0x80000000) this.#u8u32(0xd2, value);
    else this.#u8u64(0xd3, value);
  }

  #head([short, shortBelow, u8, u16, u32]: Heads, size: number): void {
    if (size < shortBelow) this.#u8(short | size);
    else if (u8 > 0 && size < 0x100) this.#u16((u8 << 8) | size);
    else if (size < 0x10000) this.#u8u16(u16, size);
    else this.#u8u32(u32, size);
  }

  #u8(value: number): void {
    this.#room(1);
    this.#bytes[this.#at] = value;
    this.#at += 1;
  }

  #u16(value: number): void {
    this.#room(2);
    this.#view.setUint16(this.#at, value);
    this.#at += 2;
  }

  #u8u16(head: number, value: number): void {
    this.#u8(head);
    this.#u16(value);
  }

  #u8u32(head: number, value: number): void {
    this.#room(5);
    this.#bytes[this.#at] = head;
    this.#view.setUint32(this.#at + 1, value);
    this.#at += 5;
  }

  /** Of 64 bits, negative ones in two's complement. */
  #u8u64(head: number, value: number): void {
    this.#u8u32(head, Math.floor(value / U32));
    this.#room(4);
    this.#view.setUint32(this.#at, value);
    this.#at += 4;
  }

  #float(value: number): void {
    this.#room(9);
    this.#bytes[this.#at] = 0xcb;
    this.#view.setFloat64(this.#at + 1, value);
    this.#at += 9;
  }

  #put(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #room(size: number): void {
    const needed = this.#at + size;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(needed * 2);
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }

  #checkDepth(): void {
    if (this.#place.length >= MAX_DEPTH) throw new RangeError(`${this.#where(6)}... lies more than ${MAX_DEPTH} deep`);
  }

  #where(parts = MAX_DEPTH): string {
    const steps = this.#place.slice(0, parts);
    return `data${steps.map((step) => (typeof step === "number" ? `[${step}]` : `["${step.slice(0, 40)}"]`)).join("")}`;
  }

  #notAValue(kind: string): TypeError {
    return new TypeError(
      `${this.#where()} is ${kind}: a value is null, boolean, number, string, Uint8Array, array, Map or plain object`,
    );
  }
}

/** An object of `{...}`, of JSON, or without a prototype; of another window as well. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(payload: Uint8Array) {
    this.#bytes = payload;
    this.#view = viewOf(payload);
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  read(depth: number): Value {
    const head = this.#uint(1);
    if (head < 0x80) return head;
    if (head < 0x90) return this.#map(head & 0x0f, depth);
    if (head < 0xa0) return this.#array(head & 0x0f, depth);
    if (head < 0xc0) return this.#string(head & 0x1f);
    if (head >= 0xe0) return head - 0x100;
    switch (head) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
        return this.#copy(this.#uint(1));
      case 0xc5:
        return this.#copy(this.#uint(2));
      case 0xc6:
        return this.#copy(this.#uint(4));
      case 0xca:
        return this.#view.getFloat32(this.#step(4));
      case 0xcb:
        return this.#view.getFloat64(this.#step(8));
      case 0xcc:
        return this.#uint(1);
      case 0xcd:
        return this.#uint(2);
      case 0xce:
        return this.#uint(4);
      case 0xcf:
        return this.#long(this.#uint(4));
      case 0xd0:
        return this.#view.getInt8(this.#step(1));
      case 0xd1:
        return this.#view.getInt16(this.#step(2));
      case 0xd2:
        return this.#view.getInt32(this.#step(4));
      case 0xd3:
        return this.#long(this.#view.getInt32(this.#step(4)));
      case 0xd9:
        return this.#string(this.#uint(1));
      case 0xda:
        return this.#string(this.#uint(2));
      case 0xdb:
        return this.#string(this.#uint(4));
      case 0xdc:
        return this.#array(this.#uint(2), depth);
      case 0xdd:
        return this.#array(this.#uint(4), depth);
      case 0xde:
        return this.#map(this.#uint(2), depth);
      case 0xdf:
        return this.#map(this.#uint(4), depth);
      default:
        throw new RangeError(`no value: extensions such as 0x${head.toString(16)} are not allowed`);
    }
  }

  /** Where `size` bytes begin that are now read. Throws RangeError if there are fewer. */
  #step(size: number): number {
    const at = this.#at;
    if (size > this.left) throw new RangeError(`not MessagePack: cut short, ${size} bytes wanted and ${this.left} left`);
    this.#at += size;
    return at;
  }

  #uint(size: 1 | 2 | 4): number {
    const at = this.#step(size);
    if (size === 1) return this.#view.getUint8(at);
    return size === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at);
  }

  #long(high: number): number {
    const value = high * U32 + this.#uint(4);
    if (!Number.isSafeInteger(value)) throw new RangeError(`no value: an integer beyond 2^53`);
    return value;
  }

  #take(size: number): Uint8Array {
    const at = this.#step(size);
    return this.#bytes.subarray(at, at + size);
  }

  #copy(size: number): Uint8Array {
    return new Uint8Array(this.#take(size)); // a Buffer's slice would copy nothing
  }

  #string(size: number): string {
    return decodeUtf8(this.#take(size));
  }

  #array(size: number, depth: number): Value {
    this.#checkDepth(depth);
    const array: Value[] = []; // grows with what is read, not with what is announced
    for (let index = 0; index < size; index += 1) array.push(this.read(depth + 1));
    return array;
  }

  #map(size: number, depth: number): Value {
    this.#checkDepth(depth);
    const map: Record<string, Value> = {};
    for (let index = 0; index < size; index += 1) {
      const key = this.read(MAX_DEPTH);
      if (typeof key !== "string") throw new RangeError("no value: a map's keys must be strings");
      const value = this.read(depth + 1);
      if (key === "__proto__") {
        Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true });
      } else {
        map[key] = value;
      }
    }
    return map;
  }

  #checkDepth(depth: number): void {
    if (depth >= MAX_DEPTH) throw new RangeError(`no value: more than ${MAX_DEPTH} deep`);
  }
}
