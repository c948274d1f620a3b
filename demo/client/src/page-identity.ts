/**
 * Who a browser's page is: its identity lies in sessionStorage, so a reload keeps it and another tab has another.
 *
 * A duplicated tab gets a copy of the storage, and must become a new peer: so whoever uses the identity holds a Web Lock
 * of its name, or, where there are none (plain http), answers claims to it on a BroadcastChannel.
 */

import { after } from "./clock.ts";
import { Identity, type Incarnations } from "./identity.ts";
import { fromText, toText } from "./protocol/ids.ts";

const SEED = "eitherway.seed";
const INCARNATIONS = "eitherway.incarnations";
const CLAIMS = "eitherway.claims";

/** Seconds to wait for the lock: the page before a reload may give it back late. A duplicated tab begins so much later. */
const LOCK_PATIENCE = 0.5;
/** Seconds and times to wait for somebody who says that it is in use: in parts, so that a page that stalls hears it yet. */
const CLAIM_PATIENCE = 0.05;
const CLAIM_PARTS = 5;

/** What of a browser this needs; null where the page has it not. */
export interface Page {
  readonly storage: Pick<Storage, "getItem" | "setItem"> | null;
  readonly locks: Pick<LockManager, "request"> | null;
  readonly openChannel: ((name: string) => BroadcastChannel) | null;
}

/** An identity that nobody else uses, until it is released. */
export interface Claim {
  readonly identity: Identity;
  /** Let another client of this page have it. The end of the page does the same. */
  release(): void;
}

const claimed = new WeakSet<object>();

/**
 * The identity of this page: as before a reload, or a new one if the tab is new or a duplicate, if another client of
 * this page has it, or if nothing can be kept (in Node, in a worker, where the user forbids it).
 */
export async function claimPageIdentity(page: Page = thisPage()): Promise<Claim> {
  const { storage } = page;
  if (storage === null || claimed.has(storage)) return { identity: Identity.generate(), release: () => undefined };
  claimed.add(storage); // before anything is awaited: two clients may ask at once
  const give = (identity: Identity, release: () => void): Claim => ({
    identity,
    release: () => {
      release();
      claimed.delete(storage);
    },
  });
  const seed = readSeed(storage);
  if (seed !== null) {
    const identity = new Identity(seed, keptIn(storage));
    const release = await hold(identity.id, page, true);
    if (release !== null) return give(identity, release); // else the tab is a duplicate
  }
  const identity = new Identity(Identity.generate().seed, keptIn(storage));
  keep(storage, SEED, toText(identity.seed));
  return give(identity, (await hold(identity.id, page, false)) ?? (() => undefined));
}

/** The page this runs in. */
function thisPage(): Page {
  let storage: Storage | null = null;
  try {
    storage = globalThis.sessionStorage ?? null;
  } catch {
    // the user forbids it
  }
  return {
    storage,
    locks: globalThis.navigator?.locks ?? null,
    openChannel: typeof BroadcastChannel === "function" ? (name) => new BroadcastChannel(name) : null,
  };
}

/** Use an id, if nobody else does: what gives it back, or null. An id that is new here need not be asked for. */
async function hold(id: string, page: Page, asked: boolean): Promise<(() => void) | null> {
  if (page.locks !== null) return await lock(`eitherway ${id}`, page.locks);
  if (page.openChannel !== null) return await claim(id, page.openChannel(CLAIMS), asked);
  return () => undefined;
}

function lock(name: string, locks: Pick<LockManager, "request">): Promise<(() => void) | null> {
  return new Promise((resolve) => {
    const patience = new AbortController();
    const cancel = after(LOCK_PATIENCE, () => patience.abort());
    locks
      .request(name, { signal: patience.signal }, () => {
        cancel();
        return new Promise<void>((release) => resolve(release));
      })
      .catch(() => resolve(null));
  });
}

/** What pages say to each other: one asks whether the id is in use, and one that uses it says so. */
interface Said {
  readonly id: string;
  readonly by: string;
  readonly held: boolean;
}

function claim(id: string, channel: BroadcastChannel, asked: boolean): Promise<(() => void) | null> {
  const by = toText(crypto.getRandomValues(new Uint8Array(16)));
  let waiting = asked;
  const release = (): void => channel.close();
  return new Promise((resolve) => {
    const yieldIt = (): void => {
      cancel();
      release();
      resolve(null);
    };
    let cancel: () => void = () => undefined;
    const wait = (parts: number): void => {
      if (parts > 0) {
        cancel = after(CLAIM_PATIENCE, () => wait(parts - 1));
        return;
      }
      waiting = false;
      resolve(release);
    };
    wait(asked ? CLAIM_PARTS : 0);
    channel.onmessage = ({ data }: MessageEvent<Said | null>) => {
      if (data?.id !== id) return;
      if (data.held) {
        if (waiting && data.by === by) yieldIt();
      } else if (waiting && data.by < by) {
        yieldIt(); // both are new and ask at once: one of them must not have it
      } else {
        channel.postMessage({ id, by: data.by, held: true } satisfies Said);
      }
    };
    if (asked) channel.postMessage({ id, by, held: false } satisfies Said);
  });
}

function readSeed(storage: Pick<Storage, "getItem">): Uint8Array | null {
  try {
    const seed = fromText(storage.getItem(SEED) ?? "");
    return seed.length === 32 ? seed : null;
  } catch {
    return null; // damaged: the page is a new peer
  }
}

/** What cannot be kept (the storage is full) lasts as long as the page. */
function keep(storage: Pick<Storage, "setItem">, key: string, text: string): void {
  try {
    storage.setItem(key, text);
  } catch {
    console.warn(`${key} could not be kept: after a reload this page is another peer`);
  }
}

function keptIn(storage: Pick<Storage, "getItem" | "setItem">): Incarnations {
  return {
    load() {
      try {
        const stored: unknown = JSON.parse(storage.getItem(INCARNATIONS) ?? "[]");
        return new Map(Array.isArray(stored) ? stored.filter(isIncarnation) : []);
      } catch {
        return new Map(); // damaged: the clock will be used
      }
    },
    save(incarnations) {
      keep(storage, INCARNATIONS, JSON.stringify([...incarnations]));
    },
  };
}

function isIncarnation(entry: unknown): entry is [string, number] {
  if (!Array.isArray(entry) || entry.length !== 2) return false;
  const [room, incarnation] = entry as unknown[];
  return typeof room === "string" && Number.isSafeInteger(incarnation) && Number(incarnation) > 0;
}
