/** A cut in the network between this page and everybody else: silent, as a real one is. */

/** A thing to do when the network is whole again. */
type Release = () => void;

/**
 * While it is cut, nothing passes and nobody is told. What TCP and SCTP would send again waits here, in order, and
 * passes when the cut is healed; it is bounded by the windows of those who send.
 */
export class Cut {
  #cut = false;
  #held: Release[] = [];

  /** Whether it is cut now. */
  get on(): boolean {
    return this.#cut;
  }

  /** Cut it, or heal it. */
  set on(cut: boolean) {
    if (cut === this.#cut) return;
    this.#cut = cut;
    if (cut) return;
    for (const release of this.#held.splice(0)) release();
  }

  /** Does it now, or when the cut is healed. */
  pass(action: Release): void {
    if (this.#cut) this.#held.push(action);
    else action();
  }

  /**
   * Holds back events of these types while cut. To be called before anybody else listens to the target, by attributes
   * such as `onmessage` too.
   */
  holdEvents(target: EventTarget, types: readonly string[]): void {
    for (const type of types) {
      target.addEventListener(type, (event) => {
        if (!this.#cut) return;
        event.stopImmediatePropagation();
        const Type = event.constructor as new (type: string, init: Event) => Event;
        this.#held.push(() => target.dispatchEvent(new Type(type, event)));
      });
    }
  }
}
