/** A reader of tests/vectors and its conventions: hexadecimal, and what JSON lacks as objects with one key. */

import { readFileSync } from "node:fs";

/** One of the files of tests/vectors; its shape is the caller's word. */
export function load<T>(name: string): T {
  const file = new URL(`../../../tests/vectors/${name}`, import.meta.url);
  return JSON.parse(readFileSync(file, "ascii")) as T;
}

/** Bytes as hexadecimal. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

/** And back. */
export function unhex(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(text, "hex"));
}

/** A value as the vectors write it. */
export type Tagged =
  | null
  | boolean
  | number
  | string
  | readonly Tagged[]
  | { readonly bytes: string }
  | { readonly float: string }
  | { readonly map: readonly (readonly [string, Tagged])[] };

/** The value that the vectors mean; maps are Maps, whose order is theirs. */
export function fromTagged(value: Tagged): unknown {
  return untag(value, (entries) => new Map(entries));
}

/** The value as it is read: maps are objects. */
export function asRead(value: Tagged): unknown {
  return untag(value, (entries) => Object.fromEntries(entries));
}

function untag(value: Tagged, toMap: (entries: [string, unknown][]) => unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (isList(value)) return value.map((item) => untag(item, toMap));
  if ("bytes" in value) return unhex(value.bytes);
  if ("float" in value) return Number(value.float.replace("inf", "Infinity"));
  return toMap(value.map.map(([key, item]) => [key, untag(item, toMap)]));
}

function isList(value: Tagged): value is readonly Tagged[] {
  return Array.isArray(value);
}
