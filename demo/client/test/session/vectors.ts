/** The vectors that all implementations share, and hexadecimal. */

import { readFileSync } from "node:fs";

/** One of the files of tests/vectors; its shape is the caller's word. */
export function load<T>(name: string): T {
  const file = new URL(`../../../../tests/vectors/${name}`, import.meta.url);
  return JSON.parse(readFileSync(file, "ascii")) as T;
}

/** Bytes as hexadecimal. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

/** And back. */
export function unhex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "hex"));
}
