/** Watching a feed: posts as they come, over one connection after another. */

import { after, Bell } from "./clock.ts";
import type { Connection } from "./connection.ts";
import { ConnectionFailed, EitherwayError, Refused } from "./errors.ts";
import type { Peer } from "./peer.ts";
import type { Missed, PostFrom } from "./protocol/events.ts";
import { readWatching } from "./protocol/reading.ts";

/** Posts that wait for one reader; then no more are sent, until it has read them: the server keeps them meanwhile. */
export const MAX_WAITING = 256;
/** Or so many characters of JSON, roughly; a single post may be larger. */
export const MAX_WAITING_SIZE = 1_000_000;
/** Refusals that waiting may mend. */
const REFUSED_AGAIN = new Set(["busy", "rate-limited", "shutting-down", "internal"]);

/** One post of a feed, which the server can read. */
export interface Post {
  readonly room: string;
  /** Ids of a room grow. */
  readonly id: number;
  readonly topic: string;
  /** What has happened, or empty. */
  readonly event: string;
  /** A JSON value. */
  readonly data: unknown;
  /** A peer of the room that this program knows, or else a peer's id, or a token's user; empty for anybody. */
  readonly sender: Peer | string;
  /** When, in milliseconds of Unix time, by the server's clock. */
  readonly at: number;
  /** Whether posts between the one before and this one may be missing: the server has forgotten them. */
  readonly missed: boolean;
}

/** @internal What one client watches, by the numbers that the server knows it by. */
export class Watches {
  readonly connection: Connection;
  readonly #live = new Map<number, Watch>();
  readonly #all = new Set<Watch>();
  readonly #change = new Bell();
  #number = 0;
  #up = false;
  #over: string | null = null;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  /** Whether there is a connection. */
  get connectedNow(): boolean {
    return this.#up && this.#over === null && this.connection.connected;
  }

  /** Wait for a connection. Rejects with ConnectionFailed, Refused if there will be none. */
  async untilConnected(): Promise<void> {
    if (this.#over === null && !this.#up) await this.connection.open();
    while (this.#over === null && !this.connectedNow) await this.#change.next();
    if (this.#over !== null) throw new ConnectionFailed(this.#over);
  }

  /** A watch that is to be told of what happens to the connection. */
  add(watch: Watch): void {
    this.#all.add(watch);
  }

  /** One that need not be any longer. */
  remove(watch: Watch): void {
    this.#all.delete(watch);
  }

  /** A new number for a watch: what comes for an old one is nobody's. */
  number(watch: Watch): number {
    this.#number += 1;
    this.#live.set(this.#number, watch);
    return this.#number;
  }

  /** Nothing is wanted for this number any longer. */
  drop(room: string, watch: number): void {
    if (!this.#live.delete(watch) || !this.connection.connected) return;
    this.connection.request("unwatch", { room, watch }).catch((error: unknown) => {
      if (!(error instanceof EitherwayError)) throw error; // else it has ended with its connection
    });
  }

  /** What the server sends. */
  receive(event: PostFrom | Missed): void {
    this.#live.get(event.watch)?._receive(event);
  }

  /** There is a new connection, on which nothing is watched yet. */
  connected(): void {
    this.#up = true;
    this.#wake();
  }

  /** It is gone. */
  disconnected(): void {
    this.#up = false;
    this.#live.clear();
    for (const watch of this.#all) watch._disconnected();
  }

  /** End what somebody watches. */
  end(owner: object): void {
    for (const watch of this.#all) if (watch._owner === owner) watch._end(null);
  }

  /** There will be no connection any more: everyone ends, with an error if there is one. */
  close(error: Error | null): void {
    this.#over ??= error?.message ?? "this client is closed; make a new one";
    for (const watch of this.#all) watch._end(error);
    this.#wake();
  }

  #wake(): void {
    this.#change.ring();
    for (const watch of this.#all) watch._wake();
  }
}

/** What one watch is about. */
export interface WatchOptions {
  /** Begin after the post of this id, with what the server still keeps; 0: with all of it. */
  readonly since?: number;
  /** Only posts with this event, or these. */
  readonly event?: string | readonly string[];
}

/**
 * Posts of a room as they come: `for await (const post of room.watch("orders.*"))`; made by `Feed.watch`.
 *
 * It begins with the first post that is asked for, or when it is started; what is posted before that is not seen, unless
 * `since` goes back to it. When the connection is lost it goes on with the next one where it was; so it does when its
 * reader has been slow. Where the server has forgotten posts meanwhile, `missed` of the next one tells. It ends when its
 * room is left or its client is closed.
 */
export class Watch {
  /** @internal */
  readonly _owner: object;
  readonly #watches: Watches;
  readonly #room: string;
  readonly #topics: readonly string[];
  readonly #events: readonly string[];
  readonly #who: (id: string) => Peer | string;
  readonly #news = new Bell();
  #posts: { post: Post; size: number }[] = [];
  #size = 0;
  #last: number | null;
  #number: number | null = null;
  #missed = false;
  #begun = false;
  #ended = false;
  #error: Error | null = null;

  /** @internal */
  constructor(
    watches: Watches,
    owner: object,
    room: string,
    topics: readonly string[],
    { since, event = [] }: WatchOptions,
    who: (id: string) => Peer | string,
  ) {
    this._owner = owner;
    this.#watches = watches;
    this.#room = room;
    this.#topics = topics;
    this.#events = typeof event === "string" ? [event] : [...event];
    this.#last = since ?? null;
    this.#who = who;
  }

  /** Where to go on from with `since`: the id of the last post that was read; null before it is known. */
  get last(): number | null {
    const first = this.#posts[0];
    return first === undefined ? this.#last : first.post.id - 1;
  }

  /** Begin to watch now. Rejects with ConnectionFailed, Refused. */
  async start(): Promise<this> {
    if (this.#begun) return this;
    this.#begun = true;
    if (this.#ended) return this;
    this.#watches.add(this);
    try {
      while (this.#number === null && !this.#ended) {
        await this.#watches.untilConnected();
        await this.#watch();
      }
    } catch (error) {
      this._end(null);
      throw error;
    }
    return this;
  }

  /** Watch no longer: whoever reads is done. */
  close(): void {
    this._end(null);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Post, void, undefined> {
    const leave = !this.#begun;
    try {
      await this.start();
      for (let post = await this.#next(); post !== null; post = await this.#next()) yield post;
    } finally {
      if (leave) this._end(null);
    }
  }

  async #next(): Promise<Post | null> {
    for (;;) {
      const next = this.#posts.shift();
      if (next !== undefined) {
        this.#size -= next.size;
        return next.post;
      }
      if (this.#error !== null) throw this.#error;
      if (this.#ended) return null;
      if (this.#number === null && this.#watches.connectedNow) await this.#watch();
      else await this.#news.next();
    }
  }

  /** Watch from where it was, if the connection lasts. */
  async #watch(): Promise<void> {
    while (!this.#ended && this.#watches.connectedNow) {
      try {
        await this.#ask();
        return;
      } catch (error) {
        if (error instanceof Refused && REFUSED_AGAIN.has(error.code)) {
          await new Promise<void>((resolve) => after((error.retryAfter ?? 1000) / 1000, resolve));
        } else if (!(error instanceof ConnectionFailed) || this.#watches.connectedNow) {
          throw error;
        }
      }
    }
  }

  async #ask(): Promise<void> {
    const watch = this.#watches.number(this);
    this.#number = watch;
    try {
      const reply = readWatching(
        await this.#watches.connection.request("watch", {
          room: this.#room,
          topics: this.#topics,
          events: this.#events,
          watch,
          ...(this.#last === null ? {} : { since: this.#last }),
        }),
      );
      const first = this.#posts[0];
      // Posts that follow the reply may be here before who asked for it goes on.
      if (reply.missed && first !== undefined) this.#posts[0] = { ...first, post: { ...first.post, missed: true } };
      else this.#missed ||= reply.missed;
      this.#last ??= reply.id;
    } catch (error) {
      this.#drop();
      throw error;
    }
  }

  /** @internal What the server sends for this watch. */
  _receive(event: PostFrom | Missed): void {
    this.#last = event.id;
    if (!("data" in event)) {
      this.#missed = true;
      return;
    }
    const { room, id, topic, event: name, data, at } = event;
    const post = { room, id, topic, event: name, data, sender: this.#who(event.from), at, missed: this.#missed };
    const size = JSON.stringify(data).length;
    this.#missed = false;
    this.#posts.push({ post, size });
    this.#size += size;
    if (this.#posts.length >= MAX_WAITING || this.#size >= MAX_WAITING_SIZE) this.#drop();
    this.#news.ring();
  }

  /** @internal Something may be done now that could not be done before. */
  _wake(): void {
    this.#news.ring();
  }

  /** @internal The connection is gone: watch again when what has come is read. */
  _disconnected(): void {
    this.#number = null;
    this.#news.ring();
  }

  /** @internal It is over, once what has come is read. */
  _end(error: Error | null): void {
    this.#watches.remove(this);
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#drop();
    this.#news.ring();
  }

  #drop(): void {
    const number = this.#number;
    this.#number = null;
    if (number !== null) this.#watches.drop(this.#room, number);
  }
}
