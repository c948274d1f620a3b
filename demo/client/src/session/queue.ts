/** A queue that gives up its first item at once, however long it is: an array's `shift` moves all the others. */

/** First in, first out. */
export class Queue<T> implements Iterable<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  /** How many items there are. */
  get length(): number {
    return this.#items.length - this.#head;
  }

  /** The oldest item, or undefined. */
  get first(): T | undefined {
    return this.#items[this.#head];
  }

  /** The newest item, or undefined. */
  get last(): T | undefined {
    return this.length ? this.#items[this.#items.length - 1] : undefined;
  }

  /** Add an item. */
  push(item: T): void {
    this.#items.push(item);
  }

  /** Take the oldest item; undefined if there is none. */
  shift(): T | undefined {
    const items = this.#items;
    if (this.#head === items.length) return undefined;
    const item = items[this.#head];
    items[this.#head++] = undefined;
    if (this.#head === items.length) this.clear();
    else if (this.#head >= 64 && this.#head * 2 >= items.length) {
      items.splice(0, this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** Take the newest item; undefined if there is none. */
  pop(): T | undefined {
    if (!this.length) return undefined;
    const item = this.#items.pop();
    if (!this.length) this.clear();
    return item;
  }

  /** The oldest item becomes the newest. */
  rotate(): void {
    const item = this.shift();
    if (item !== undefined) this.push(item);
  }

  /** Keep only the items that `keep` names. */
  filter(keep: (item: T) => boolean): void {
    const kept: T[] = [];
    for (const item of this) if (keep(item)) kept.push(item);
    this.#items = kept;
    this.#head = 0;
  }

  /** Forget everything. */
  clear(): void {
    this.#items.length = 0;
    this.#head = 0;
  }

  /** From the oldest on. Nothing may be taken meanwhile. */
  *[Symbol.iterator](): Generator<T, void, undefined> {
    const items = this.#items;
    for (let at = this.#head; at < items.length; at++) yield items[at] as T;
  }
}
