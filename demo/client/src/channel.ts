import { Bell, now, soon, within } from "./clock.ts";
import { type FrameType, Lane } from "./codec/frames.ts";
import * as messages from "./codec/messages.ts";
import { call, type Handler, isHandling, Listeners, type Report } from "./emitter.ts";
import { NotInRoom, TooLarge } from "./errors.ts";
import { type Key, labelOf, laneOf, type Received } from "./link/index.ts";
import type { Peer } from "./peer.ts";
import type { Outbound, PathName } from "./session/events.ts";
import { Queue } from "./session/queue.ts";
import { RULES } from "./session/rules.ts";
import { tooLarge } from "./session/sender.ts";

/** A class of delivery, as applications call it. */
export type LaneName = "reliable" | "bulk" | "datagram";

/** Lanes by their names. */
export const LANES: Readonly<Record<LaneName, Lane>> = {
  reliable: Lane.RELIABLE,
  bulk: Lane.BULK,
  datagram: Lane.DATAGRAM,
};
const LANE_NAMES = Object.keys(LANES) as LaneName[]; // in the order of their numbers

/** Datagrams that wait for a reader; the newest are kept. */
const MAX_DATAGRAMS = 256;
/** Bytes in one datagram. */
const MAX_DATAGRAM = 16_380;
/** Seconds for which handlers that do not wait may hold the event loop. */
const SLICE = 0.005;

/** One message as an application sees it. */
export interface Message<T = unknown> {
  /** Who sent it; in `Undelivered.messages`, whom it was for. */
  readonly peer: Peer;
  /** A string, a Uint8Array, or a value. */
  readonly data: T;
  /** The channel's label; `""` is the default channel. */
  readonly channel: string;
  readonly lane: LaneName;
  /** The way it came. */
  readonly path: PathName;
}

/** How `data` travels on `lane`. Throws TypeError for what cannot be sent, TooLarge for what is too large. */
export function encode(data: unknown, lane: Lane): [FrameType, Uint8Array] {
  const encoded = messages.encode(data);
  const size = encoded[1].length;
  if (lane === Lane.DATAGRAM && size > MAX_DATAGRAM) {
    throw new TooLarge(
      `${size} bytes are too large for a datagram (${MAX_DATAGRAM}): use the reliable or the bulk lane`,
    );
  }
  const { reliableMessage, bulkMessage } = RULES;
  if (size > (lane === Lane.RELIABLE ? reliableMessage : bulkMessage)) {
    throw new TooLarge(tooLarge(size, lane, RULES));
  }
  return encoded;
}

/** Messages as their sender knew them: `peer` is whom they were for. */
export function asMessages(peer: Peer, sent: readonly Outbound[]): Message[] {
  return sent.map((one) => asMessage(peer, one.context as Key, one.type, one.payload));
}

/** One message as its sender knew it. */
export function asMessage(peer: Peer, key: Key, kind: FrameType, payload: Uint8Array): Message {
  return message(peer, key, messages.decode(kind, payload), peer.path);
}

function message(peer: Peer, key: Key, data: unknown, path: PathName): Message {
  return { peer, data, channel: labelOf(key), lane: laneName(laneOf(key)), path };
}

function laneName(lane: Lane): LaneName {
  return LANE_NAMES[lane] as LaneName;
}

/** The events of channels. */
export type ChannelEvents<T> = { message: [message: Message<T>] };

/** Somebody to whom messages of a channel go: handlers, and readers of one label, of one peer or of a room. */
export class Consumer {
  readonly key: Key;
  readonly latest: boolean;
  readonly report: Report;
  readonly listeners = new Listeners<ChannelEvents<unknown>>("message");
  readonly streams = new Set<Stream>();
  readonly news = new Bell();
  reading = 0;
  closed = false;

  constructor(key: Key, latest: boolean, report: Report) {
    this.key = key;
    this.latest = latest;
    this.report = report;
  }

  /** Somebody came: whatever waits is for them. */
  listen(): void {
    for (const stream of this.streams) stream.advance();
  }

  /** Readers end when they have read what has arrived; or a closed channel has been opened anew. */
  close(closed = true): void {
    this.closed = closed;
    this.news.ring();
  }

  /** Messages of every stream as they arrive. */
  async *read(): AsyncGenerator<Message, void, undefined> {
    if (this.listeners.any("message")) {
      throw new Error(
        `channel ${JSON.stringify(labelOf(this.key))} has handlers: either read it with \`for await\` or handle it with \`on\``,
      );
    }
    this.reading += 1;
    try {
      this.listen();
      for (;;) {
        const stream = this.#next();
        if (stream === undefined) {
          if (this.closed) return;
          await this.news.next();
          continue;
        }
        const received = stream.queue.shift() as Received; // #next has looked
        try {
          const one = stream.message(received);
          if (one !== null) yield one;
        } finally {
          stream.handled(received);
          stream.forget();
        }
      }
    } finally {
      this.reading -= 1;
    }
  }

  /** A stream in which something waits; it goes to the end: every peer gets its turn. */
  #next(): Stream | undefined {
    for (const stream of this.streams) {
      if (stream.queue.length > 0) {
        this.streams.delete(stream);
        this.streams.add(stream);
        return stream;
      }
    }
    return undefined;
  }
}

/** What a stream tells. */
export interface StreamCallbacks {
  /** A message made no sense. */
  readonly report: Report;
  /** Somebody listens to this channel. */
  readonly listen: (key: Key) => void;
  /** A message has been handled: its credit goes back. */
  readonly handled: (received: Received) => void;
}

/**
 * What arrives on one channel from one peer. It waits until somebody listens: handlers get every message, one after
 * another and in order; where there are none, whoever reads with `for await` takes the next one. A message is handled,
 * and its credit given back, when every handler has finished or when the reader asks for the next.
 */
export class Stream {
  readonly peer: Peer;
  readonly key: Key;
  readonly queue = new Queue<Received>();
  /** Whether the peer has said that it sends no more. */
  ended = false;
  readonly #consumers: Consumer[];
  readonly #callbacks: StreamCallbacks;
  #told = false;
  #departed = false;
  #stopped = false;
  #newest = 0;
  #runner: Promise<void> | null = null;

  constructor(peer: Peer, key: Key, consumers: Consumer[], callbacks: StreamCallbacks) {
    this.peer = peer;
    this.key = key;
    this.#consumers = consumers;
    this.#callbacks = callbacks;
    for (const consumer of consumers) consumer.streams.add(this);
  }

  /** Another one wants the messages of this stream. */
  add(consumer: Consumer): void {
    if (!this.#consumers.includes(consumer)) {
      this.#consumers.push(consumer);
      consumer.streams.add(this);
    }
    this.advance();
  }

  /** A message or datagram has come. */
  arrive(received: Received): void {
    if (laneOf(this.key) === Lane.DATAGRAM) {
      if (this.#consumers.some((consumer) => consumer.latest)) {
        if (received.number <= this.#newest) return;
        this.#newest = received.number;
        this.queue.clear();
      } else if (this.queue.length >= MAX_DATAGRAMS) {
        this.queue.shift();
      }
    }
    this.queue.push(received);
    this.advance();
  }

  /** Give what waits to handlers, or wake the readers. */
  advance(): void {
    let [handled, read] = [false, false];
    for (const consumer of this.#consumers) {
      handled ||= consumer.listeners.any("message");
      read ||= consumer.reading > 0;
    }
    if (!handled && !read) return;
    if (!this.#told) {
      this.#told = true;
      this.#callbacks.listen(this.key);
    }
    if (this.queue.length === 0 || this.#stopped) return;
    if (handled) {
      this.#runner ??= this.#run();
    } else {
      for (const consumer of this.#consumers) {
        if (consumer.reading > 0) consumer.news.ring();
      }
    }
  }

  /** The message decoded; null, and an error reported, if it cannot be. */
  message(received: Received): Message | null {
    let data: unknown;
    try {
      data = messages.decode(received.kind, received.payload);
    } catch (error) {
      const where = `a message of ${this.peer} on channel ${JSON.stringify(labelOf(this.key))}`;
      this.#callbacks.report(new Error(`${where} is not what it says it is`, { cause: error }));
      return null;
    }
    return message(this.peer, this.key, data, received.path);
  }

  /** A message has been handled. */
  handled(received: Received): void {
    this.#callbacks.handled(received);
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // never within what brought the message: handlers may send, and no core is entered twice
    let until = now() + SLICE;
    while (this.queue.length > 0 && !this.#stopped) {
      const called: [Handler<[Message]>, Report][] = [];
      for (const { listeners, report } of this.#consumers) {
        for (const handler of listeners.take("message")) called.push([handler, report]);
      }
      if (called.length === 0) break;
      const received = this.queue.shift() as Received; // there is one
      const one = this.message(received);
      if (one !== null) for (const [handler, report] of called) await call(this, handler, [one], report);
      this.handled(received);
      if (now() > until) {
        await new Promise<void>(soon);
        until = now() + SLICE;
      }
    }
    this.#runner = null;
    this.advance();
    this.forget();
  }

  /** The peer is gone: who reads a room keeps nothing of it once everything has been read. */
  async depart(): Promise<void> {
    this.#departed = true;
    while (this.#runner !== null) await this.#runner;
    this.forget();
  }

  /** Let go of a peer that is gone, if nothing waits any more. */
  forget(): void {
    if (this.#departed && this.queue.length === 0) {
      for (const consumer of this.#consumers) consumer.streams.delete(this);
    }
  }

  /** Let the handlers finish what has arrived, for so many seconds; then call no more of them. */
  async close(seconds: number): Promise<void> {
    if (this.#runner === null || isHandling(this)) return;
    if (!(await within(seconds, this.#runner))) this.#stopped = true;
  }
}

/** How a message is sent on a channel. */
export interface SendOptions {
  /** Gives the message up while it waits for room: it has not been sent then. */
  readonly signal?: AbortSignal;
}

/**
 * A labelled stream of messages on one lane, to and from one peer or every peer of a room. Made by `Room.channel` and
 * `Peer.channel`. `on("message", handler)` and `for await (const message of channel)` receive: one of the two.
 *
 * `T` is what the messages are said to be; nothing checks that they are.
 */
export class Channel<T = unknown, Options extends SendOptions = SendOptions, Sent = void> {
  readonly #consumer: Consumer;
  readonly #send: (data: unknown, options: Options | undefined) => Promise<Sent>;
  readonly #close: (key: Key) => void;
  #sending = true;

  /** @internal */
  constructor(
    consumer: Consumer,
    send: (data: unknown, options: Options | undefined) => Promise<Sent>,
    close: (key: Key) => void,
  ) {
    this.#consumer = consumer;
    this.#send = send;
    this.#close = close;
  }

  /** The name by which both sides find the channel. */
  get label(): string {
    return labelOf(this.#consumer.key);
  }

  /** The class of delivery. */
  get lane(): LaneName {
    return laneName(laneOf(this.#consumer.key));
  }

  /**
   * Send a message: a string, bytes, or a JSON-like value. On the reliable and bulk lanes it waits while the channel's
   * credit or the lane's window is full; a datagram is sent or dropped at once. A room's channel takes `to` and
   * `whenFull`, and tells whom it did not reach, as `Room.send` does.
   *
   * Rejects with NotInRoom, TooLarge, TypeError for what cannot be sent, and RangeError if 64 channels are open to a
   * peer, or this one was closed and its close has not gone out yet.
   */
  async send(data: T, options?: Options): Promise<Sent> {
    if (!this.#sending) throw new NotInRoom(`channel ${JSON.stringify(this.label)} is closed on this side`);
    return await this.#send(data, options);
  }

  /** Call `handler`, which may be async, for every message, one after another. The function returned takes it off. */
  on(event: "message", handler: Handler<[Message<T>]>): () => void {
    return this.#register(event, handler, false);
  }

  /** As `on`, for the next message only. */
  once(event: "message", handler: Handler<[Message<T>]>): () => void {
    return this.#register(event, handler, true);
  }

  /** No longer call `handler`. */
  off(event: "message", handler: Handler<[Message<T>]>): void {
    this.#consumer.listeners.remove(event, handler as Handler<[Message]>);
  }

  #register(event: "message", handler: Handler<[Message<T>]>, once: boolean): () => void {
    this.#consumer.listeners.add(event, handler as Handler<[Message]>, once);
    this.#consumer.listen();
    return () => this.off(event, handler);
  }

  /** Messages as they arrive. A peer's end when the peer has closed the channel or is gone, a room's with the room. */
  [Symbol.asyncIterator](): AsyncGenerator<Message<T>, void, undefined> {
    return this.#consumer.read() as AsyncGenerator<Message<T>, void, undefined>;
  }

  /** Send no more: readers on the other side end once they have read everything. */
  close(): void {
    if (this.#sending) {
      this.#sending = false;
      this.#close(this.#consumer.key);
    }
  }
}
