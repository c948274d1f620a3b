/** Who a page is: after a reload, in a duplicated tab, with Web Locks and without. */

import { afterEach, describe, expect, test, vi } from "vitest";
import { type Claim, claimPageIdentity, type Page } from "../src/page-identity.ts";

/** A tab's sessionStorage; `copy` is what a duplicated tab gets. */
class Tab {
  readonly items: Map<string, string>;
  full = false;

  constructor(items: Iterable<[string, string]> = []) {
    this.items = new Map(items);
  }

  getItem(key: string): string | null {
    return this.items.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    if (this.full) throw new DOMException("full", "QuotaExceededError");
    this.items.set(key, value);
  }

  copy(): Tab {
    return new Tab(this.items);
  }
}

/** Web Locks, of which Node 20 has none: exclusive ones, in the order in which they were asked for. */
class Locks {
  readonly #tails = new Map<string, Promise<void>>();

  request(name: string, options: { signal: AbortSignal }, granted: () => Promise<void>): Promise<void> {
    const before = this.#tails.get(name) ?? Promise.resolve();
    let over: () => void = () => undefined;
    this.#tails.set(name, before.then(() => new Promise<void>((resolve) => (over = resolve))));
    return new Promise<void>((resolve, reject) => {
      let aborted = false;
      options.signal.addEventListener("abort", () => {
        aborted = true;
        reject(options.signal.reason as Error);
      });
      void before.then(async () => {
        if (!aborted) resolve(await granted());
        over();
      });
    });
  }
}

type Open = (tab: Tab) => Promise<Claim>;

const claims: Claim[] = [];

async function open(page: Page): Promise<Claim> {
  const claim = await claimPageIdentity(page);
  claims.push(claim);
  return claim;
}

afterEach(() => {
  for (const claim of claims.splice(0)) claim.release();
});

/** Browsers on https or localhost. */
function withLocks(): Open {
  const locks = new Locks() as unknown as LockManager;
  return (storage) => open({ storage, locks, openChannel: null });
}

/** Browsers on plain http. The channel is Node's own. */
function withChannel(): Open {
  return (storage) => open({ storage, locks: null, openChannel: (name) => new BroadcastChannel(name) });
}

describe.each([
  ["Web Locks", withLocks],
  ["a channel", withChannel],
])("with %s", (_, browser) => {
  test("a reload keeps the identity, and another tab has another", async () => {
    const opened = browser();
    const tab = new Tab();
    const first = await opened(tab);
    first.release(); // the page ends
    const again = await opened(tab);
    expect(again.identity.id).toBe(first.identity.id);
    expect((await opened(new Tab())).identity.id).not.toBe(first.identity.id);
  });

  test("a page that ends while the next one begins does not make a duplicate of it", async () => {
    const opened = browser();
    const tab = new Tab();
    const first = await opened(tab);
    setTimeout(() => first.release(), 20);
    const again = tab.copy(); // the same tab's storage, seen by the next document
    const second = await opened(again);
    // A channel cannot tell an old document from another tab's; but an old document no longer answers.
    if (browser === withLocks) expect(second.identity.id).toBe(first.identity.id);
  });

  test("a duplicated tab is a new peer, also after its own reload, and the first one stays as it is", async () => {
    const opened = browser();
    const tab = new Tab();
    const first = await opened(tab);
    const duplicate = tab.copy();
    const second = await opened(duplicate);
    expect(second.identity.id).not.toBe(first.identity.id);
    second.release();
    expect((await opened(duplicate)).identity.id).toBe(second.identity.id);
    first.release();
    expect((await opened(tab)).identity.id).toBe(first.identity.id);
  });

  test("of tabs that are restored at once, one alone keeps the identity", async () => {
    const opened = browser();
    const tab = new Tab();
    const before = await opened(tab);
    before.release();
    const restored = await Promise.all([opened(tab), opened(tab.copy()), opened(tab.copy())]);
    const ids = restored.map(({ identity }) => identity.id);
    expect(new Set(ids).size).toBe(3);
    expect(ids.filter((id) => id === before.identity.id)).toHaveLength(1);
  });

  test("two clients of a page are two peers, and the stored identity is the first one's", async () => {
    const opened = browser();
    const tab = new Tab();
    const [first, second] = await Promise.all([opened(tab), opened(tab)]);
    expect(second.identity.id).not.toBe(first.identity.id);
    second.release();
    first.release();
    expect((await opened(tab)).identity.id).toBe(first.identity.id);
  });

  test("incarnations are kept beside the key", async () => {
    const opened = browser();
    const tab = new Tab();
    const first = await opened(tab);
    first.identity.nextIncarnation("lobby", 2_000);
    first.identity.nextIncarnation("__proto__", 3_000);
    first.release();
    const { identity } = await opened(tab);
    expect(identity.nextIncarnation("lobby", 1_000)).toBe(2_001);
    expect(identity.nextIncarnation("__proto__", 1_000)).toBe(3_001);
  });
});

test("without locks and channels the identity is kept all the same", async () => {
  const tab = new Tab();
  const page = { storage: tab, locks: null, openChannel: null };
  const first = await open(page);
  first.release();
  expect((await open(page)).identity.id).toBe(first.identity.id);
});

test("locks that can't be had do not keep a page waiting for ever", async () => {
  const locks = { request: () => Promise.reject(new DOMException("no", "SecurityError")) } as unknown as LockManager;
  const claim = await open({ storage: new Tab(), locks, openChannel: null });
  expect(claim.identity.id).toHaveLength(32);
});

test("where nothing can be kept, as in Node, each client is a new peer", async () => {
  const [one, two] = [await open({ storage: null, locks: null, openChannel: null }), await claimPageIdentity()];
  expect(one.identity.id).not.toBe(two.identity.id);
  two.release();
});

test("a storage that is full, and one that is damaged, make the page a new peer", async () => {
  const warned = vi.spyOn(console, "warn").mockReturnValue(undefined);
  try {
    const full = new Tab();
    full.full = true;
    const page = { storage: full, locks: null, openChannel: null };
    const { identity } = await open(page);
    expect(identity.nextIncarnation("lobby", 5)).toBe(5);
    expect(warned).toHaveBeenCalled();
  } finally {
    warned.mockRestore();
  }
  for (const seed of ["", "AAAA", "no base64url!"]) {
    const damaged = new Tab([
      ["eitherway.seed", seed],
      ["eitherway.incarnations", seed === "" ? "{" : '[["lobby", -1], ["lobby"], [7, 7], 5]'],
    ]);
    const { identity } = await open({ storage: damaged, locks: null, openChannel: null });
    expect(identity.nextIncarnation("lobby", 5)).toBe(5);
  }
});

test("of tabs that all ask before they have heard each other, one alone keeps the identity", async () => {
  const tab = new Tab();
  const before = await open({ storage: tab, locks: null, openChannel: (name) => new BroadcastChannel(name) });
  before.release();
  let say: () => void = () => undefined;
  const said = new Promise<void>((resolve) => (say = resolve));
  const openChannel = (name: string): BroadcastChannel => {
    const channel = new BroadcastChannel(name);
    const post = channel.postMessage.bind(channel);
    channel.postMessage = (message: unknown) => void said.then(() => post(message));
    return channel;
  };
  const restored = [tab, tab.copy(), tab.copy()].map((storage) => open({ storage, locks: null, openChannel }));
  say(); // every channel is open
  const ids = (await Promise.all(restored)).map(({ identity }) => identity.id);
  expect(new Set(ids).size).toBe(3);
  expect(ids.filter((id) => id === before.identity.id)).toHaveLength(1);
});

test("whatever else is said on the channel is not for us", async () => {
  const opened = withChannel();
  const tab = new Tab();
  const first = await opened(tab);
  first.release();
  const stranger = new BroadcastChannel("eitherway.claims");
  try {
    const claiming = opened(tab);
    for (const said of [null, 7, "held", { id: "another", by: "", held: true }, { id: first.identity.id, by: "x", held: true }]) {
      stranger.postMessage(said);
    }
    expect((await claiming).identity.id).toBe(first.identity.id);
  } finally {
    stranger.close();
  }
});
