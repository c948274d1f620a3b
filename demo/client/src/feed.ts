/** A room's feed: posts that the server keeps for a while, can read, and sends to whoever watches. */

import { ConnectionFailed } from "./errors.ts";
import { Watch, type WatchOptions, type Watches } from "./feed-watch.ts";
import { randomBytes } from "./links.ts";
import type { Peer } from "./peer.ts";
import { checkRoomName, toText } from "./protocol/ids.ts";
import { readPosted } from "./protocol/reading.ts";

/** How often a post is sent whose reply does not come: the connection is lost meanwhile, or the server silent. */
export const MAX_TRIES = 5;
/** Random bytes in a post's key. */
const KEY = 16;

/** What a post may have beside its topic and data. */
export interface PostOptions {
  /** What has happened, within the topic. */
  readonly event?: string;
  /** What makes a post harmless that is repeated: random, if left out. */
  readonly key?: string;
}

/** @internal What a room knows better than a feed. */
export interface FeedOwner {
  /** Throws NotInRoom. */
  readonly check: () => void;
  /** Until one can post. Rejects with ConnectionFailed, Refused, NotInRoom. */
  readonly ready: () => Promise<void>;
  /** Whom a post is from. */
  readonly who: (id: string) => Peer | string;
}

/**
 * The feed of a room, made by `Client.feed`: posting and watching, without being a member.
 *
 * What is posted is not sealed: the server reads and keeps it.
 */
export class Feed {
  readonly name: string;
  readonly #watches: Watches;
  readonly #owner: FeedOwner;

  /** @internal Throws TypeError, RangeError. */
  constructor(name: string, watches: Watches, owner?: FeedOwner) {
    checkRoomName(name);
    this.name = name;
    this.#watches = watches;
    this.#owner = owner ?? { check: () => undefined, ready: () => watches.untilConnected(), who: (id) => id };
  }

  /**
   * Post any JSON value on a topic (words between dots), perhaps as an event within it. Resolves to its id.
   *
   * It is posted once, although it is sent again when the connection is lost before the server has answered: by its
   * `key`, which the server knows for as long as it keeps the post. Rejects with TypeError (no JSON), Refused,
   * ConnectionFailed (whether it was posted is not known: post it again with the same key).
   */
  async post(topic: string, data: unknown, { event = "", key }: PostOptions = {}): Promise<number> {
    checkJson(data);
    const post = { room: this.name, topic, event, data, key: key ?? toText(randomBytes(KEY)) };
    for (let left = MAX_TRIES - 1; ; left -= 1) {
      await this.#owner.ready();
      try {
        return readPosted(await this.#watches.connection.request("post", post));
      } catch (error) {
        if (!(error instanceof ConnectionFailed)) throw error;
        if (left === 0) {
          const why = `It was sent ${MAX_TRIES} times: is it larger than the server takes in one message?`;
          throw new ConnectionFailed(`${error.message}. ${why}`);
        }
      }
    }
  }

  /**
   * Posts on these topics as they come: `for await (const post of feed.watch("orders.*"))`. In a pattern `*` stands for
   * any one word, and `**` at its end for any number of them.
   */
  watch(topics: string | readonly string[], options: WatchOptions = {}): Watch {
    this.#owner.check();
    const names = typeof topics === "string" ? [topics] : [...topics];
    return new Watch(this.#watches, this, this.name, names, options, this.#owner.who);
  }

  /** @internal Nothing is watched any more. */
  _end(): void {
    this.#watches.end(this);
  }
}

/** Throws TypeError for what JSON cannot say, or would say otherwise. */
function checkJson(data: unknown): void {
  const text = JSON.stringify(data, function (this: Record<string, unknown>, key, value: unknown) {
    const given = key === "" ? value : this[key];
    if (typeof given === "number" && !Number.isFinite(given)) throw new TypeError(`a post is any JSON value, not ${given}`);
    if (given instanceof ArrayBuffer || ArrayBuffer.isView(given)) {
      throw new TypeError("a post is any JSON value, without bytes: write them as text, or send them over a link");
    }
    return value;
  }) as string | undefined;
  if (text === undefined) throw new TypeError(`a post is any JSON value, not ${typeof data}`);
}
