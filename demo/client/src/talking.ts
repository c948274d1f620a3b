import { type Channel, type ChannelEvents, LANES, type LaneName, type Message, type SendOptions } from "./channel.ts";
import { MAX_LABEL } from "./codec/payloads.ts";
import { Emitter, type Handler } from "./emitter.ts";
import { type Key, keyOf } from "./link/index.ts";
import { encodeUtf8 } from "./protocol/utf8.ts";

/** What kind of channel is meant. */
export interface ChannelOptions {
  /** `reliable` if left out. */
  readonly lane?: LaneName;
  /** Datagram lane: of each peer only the newest waits, older ones that arrive later are dropped. */
  readonly latest?: boolean;
}

/** A channel's label and lane, checked. Throws TypeError that says what is wrong. */
export function makeKey(label: string, lane: LaneName, latest: boolean): Key {
  if (typeof label !== "string") throw new TypeError(`a channel's label is a string, not ${typeof label}`);
  if (!Object.hasOwn(LANES, lane)) {
    throw new TypeError(`a lane is one of ${Object.keys(LANES).join(", ")}, not ${JSON.stringify(lane)}`);
  }
  if (latest && lane !== "datagram") {
    throw new TypeError("`latest` is for the datagram lane: the others deliver everything");
  }
  if (encodeUtf8(label).length > MAX_LABEL) {
    throw new TypeError(`a channel's label has at most ${MAX_LABEL} bytes of UTF-8`);
  }
  return keyOf(label, LANES[lane]);
}

/**
 * What rooms and peers share: channels by their labels, of which the default one is what they themselves say. Their
 * `message` event is that of the default channel, and reading them reads it.
 */
export abstract class Talking<
  Events extends ChannelEvents<unknown>,
  Options extends SendOptions,
  Sent,
> extends Emitter<Events> {
  /**
   * A labelled channel to and from this peer, or every peer of this room; the default one has an empty label. `T` is
   * what its messages are said to be: nothing checks that they are. Throws TypeError.
   */
  channel<T = unknown>(label: string, { lane = "reliable", latest = false }: ChannelOptions = {}): Channel<T, Options, Sent> {
    return this._makeChannel(makeKey(label, lane, latest), latest) as unknown as Channel<T, Options, Sent>;
  }

  /** @internal The channel of this key. */
  protected abstract _makeChannel(key: Key, latest: boolean): Channel<unknown, Options, Sent>;

  override on<Name extends keyof Events & string>(event: Name, handler: Handler<Events[Name]>): () => void {
    if (event !== "message") return super.on(event, handler);
    return this.channel("").on("message", handler as Handler<[Message]>);
  }

  override once<Name extends keyof Events & string>(event: Name, handler: Handler<Events[Name]>): () => void {
    if (event !== "message") return super.once(event, handler);
    return this.channel("").once("message", handler as Handler<[Message]>);
  }

  override off<Name extends keyof Events & string>(event: Name, handler: Handler<Events[Name]>): void {
    if (event !== "message") super.off(event, handler);
    else this.channel("").off("message", handler as Handler<[Message]>);
  }

  /** Messages of the default channel, to be read with `for await`. */
  [Symbol.asyncIterator](): AsyncGenerator<Message, void, undefined> {
    return this.channel("")[Symbol.asyncIterator]();
  }
}
