/** Small pictures among the files that came, thumbnails above all: drawn beside their names. */

import { html } from "./dom.ts";

/** Bytes of a file that is looked at. */
const MAX_BYTES = 131_072;
/** Pixels along an edge of a picture that is drawn: decoding takes memory by the pixel, whatever a few bytes claim. */
const MAX_EDGE = 320;

const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52]; // up to "IHDR"

/** What the head of a file says that it is. */
export interface Head {
  readonly type: "image/png" | "image/jpeg";
  readonly width: number;
  readonly height: number;
}

/** The picture in a file, drawn; null for whatever is no small PNG or JPEG. `label` is what a screen reader says of it. */
export async function drawn(file: Blob, label: string): Promise<HTMLCanvasElement | null> {
  if (file.size > MAX_BYTES) return null;
  const bytes = new Uint8Array(await file.arrayBuffer());
  const head = headOf(bytes);
  if (head === null || !isSmall(head)) return null;
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(new Blob([bytes], { type: head.type }));
  } catch {
    return null; // only its head is that of a picture
  }
  // A canvas needs no address, which the page's policy would have to allow for images.
  const canvas = html("canvas", { class: "picture", role: "img", "aria-label": label, "data-testid": "file-picture" });
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
  bitmap.close();
  return canvas;
}

/** Whether so many pixels are worth decoding without a look at who sent them. */
export function isSmall({ width, height }: Head): boolean {
  return Math.min(width, height) > 0 && Math.max(width, height) <= MAX_EDGE;
}

/** The head of a PNG (RFC 2083) or a JPEG (ITU T.81); null for whatever is neither. */
export function headOf(bytes: Uint8Array): Head | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (PNG.every((byte, at) => bytes[at] === byte)) {
    return bytes.length < 24 ? null : { type: "image/png", width: view.getUint32(16), height: view.getUint32(20) };
  }
  return bytes[0] === 0xff && bytes[1] === 0xd8 ? jpegHead(view) : null;
}

/** Goes from marker to marker until one begins a frame. */
function jpegHead(view: DataView): Head | null {
  for (let at = 2; at + 9 <= view.byteLength && view.getUint8(at) === 0xff; ) {
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      at += 1; // a filler
    } else if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      return { type: "image/jpeg", width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    } else if (marker < 0xc0 || marker === 0xd8 || marker === 0xd9 || marker === 0xda) {
      return null; // without a length, or the pixels begin before anything has said how many there are
    } else {
      at += 2 + view.getUint16(at + 2);
    }
  }
  return null;
}
