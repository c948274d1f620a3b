/** Counts what passes between this page and the server on some connections: frames of WebSockets, bodies of requests. */

/** The meter whose client connects just now: what is opened meanwhile is counted there. */
const connecting: { meter: Meter | null } = { meter: null };
/** Whose polling goes by which of the server's names for it. */
const polling = new Map<string, Meter>();
let installed = false;

/** Counts the bytes of those connections that are made while it is told to; without headers, which no page can see. */
export class Meter {
  bytes = 0;

  constructor() {
    if (!installed) install();
    installed = true;
  }

  /** The connections that `connect` makes are counted from now on. One meter at a time. */
  async counts<T>(connect: () => Promise<T>): Promise<T> {
    connecting.meter = this;
    try {
      return await connect();
    } finally {
      connecting.meter = null;
    }
  }

  /** Nothing is counted any more. */
  stop(): void {
    for (const [sid, meter] of polling) if (meter === this) polling.delete(sid);
  }
}

/** Bytes of a text or of binary data. */
export function bytesOf(data: unknown): number {
  if (typeof data === "string") return new TextEncoder().encode(data).length;
  return data instanceof ArrayBuffer || ArrayBuffer.isView(data) ? data.byteLength : 0;
}

/** Into this page's WebSocket and `fetch`, for its life: where nobody counts, all passes as it did. */
function install(): void {
  const { WebSocket: Uncounted, fetch: uncounted } = globalThis;
  globalThis.WebSocket = class extends Uncounted {
    readonly #meter = connecting.meter;

    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      this.addEventListener("message", ({ data }) => this.#count(data));
    }

    override send(data: string | Blob | BufferSource): void {
      this.#count(data);
      super.send(data);
    }

    #count(data: unknown): void {
      if (this.#meter !== null) this.#meter.bytes += bytesOf(data);
    }
  };
  globalThis.fetch = async (input, init) => {
    const query = new URL(String(input instanceof Request ? input.url : input), location.href).searchParams;
    if (query.get("transport") !== "polling") return await uncounted(input, init);
    const sid = query.get("sid");
    const meter = sid === null ? connecting.meter : polling.get(sid);
    const response = await uncounted(input, init);
    if (!meter) return response;
    const body = await response.text();
    meter.bytes += bytesOf(init?.body) + bytesOf(body);
    const told = sid === null ? /"sid":"([^"]+)"/.exec(body)?.[1] : undefined;
    if (told !== undefined) polling.set(told, meter);
    return new Response(body, response);
  };
}
