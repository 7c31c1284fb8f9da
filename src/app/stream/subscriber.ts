import type { LiveEvent } from './events.ts';

/** The events for one client, read at the client's own pace. */
export interface Subscription {
  /** All buffered events in order; empty when there are none. The very first one is a snapshot. */
  take(): readonly LiveEvent[];
  /** Calls `wake` once, when an event is buffered. Only after `take` returned nothing. */
  onEvents(wake: () => void): void;
  /** True once no further events will be buffered. */
  readonly isOver: boolean;
  /** The client has disconnected. */
  close(): void;
}

/**
 * Events buffered for a client that does not read: a second and a half of a product's changes at full pace. They are
 * references to objects that all subscribers share, so this is some hundred bytes.
 */
export const WAITING_MAX = 32;

/**
 * The buffer between the broadcasts and one connection. A client that does not read is sent nothing; beyond its bound the
 * buffer is dropped, and the next read gets one snapshot as of that moment.
 */
export class Subscriber implements Subscription {
  readonly productIds: readonly number[];
  readonly orderIds: readonly string[];
  /** Of the watched products when the last snapshot was made; only later changes are news. */
  snapshotRevision: number;
  isOver = false;
  #waiting: LiveEvent[];
  #needsSnapshot = false;
  #wake: (() => void) | null = null;
  readonly #hooks: SubscriberHooks;

  constructor(productIds: readonly number[], orderIds: readonly string[], hooks: SubscriberHooks) {
    this.productIds = productIds;
    this.orderIds = orderIds;
    this.#hooks = hooks;
    const { event, revision } = hooks.snapshot(this);
    this.snapshotRevision = revision;
    this.#waiting = [event];
  }

  /** Buffered events. */
  get waiting(): number {
    return this.#waiting.length;
  }

  send(event: LiveEvent): void {
    if (this.isOver || this.#needsSnapshot) return;
    if (this.#waiting.length >= WAITING_MAX) {
      this.#waiting = NOTHING;
      this.#needsSnapshot = true;
      this.#hooks.onDropped();
      return;
    }
    if (this.#waiting.length === 0) this.#waiting = [event];
    else this.#waiting.push(event);
    this.#call();
  }

  /** A heartbeat, for a client that reads and has no other events. */
  beat(heartbeat: LiveEvent): void {
    if (this.#wake) this.send(heartbeat);
  }

  /** The last event. */
  end(goodbye: LiveEvent): void {
    this.send(goodbye);
    this.isOver = true;
    this.#call();
  }

  take(): readonly LiveEvent[] {
    if (this.#needsSnapshot) {
      this.#needsSnapshot = false;
      const { event, revision } = this.#hooks.snapshot(this);
      this.snapshotRevision = revision;
      return [event];
    }
    const taken = this.#waiting;
    this.#waiting = NOTHING;
    return taken;
  }

  onEvents(wake: () => void): void {
    this.#wake = wake;
  }

  close(): void {
    this.isOver = true;
    this.#wake = null;
    this.#waiting = NOTHING;
    this.#hooks.onGone(this);
  }

  #call(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}

export interface SubscriberHooks {
  /** The present state of all that this subscriber watches, and its revision of the watched products. */
  snapshot(subscriber: Subscriber): { readonly event: LiveEvent; readonly revision: number };
  /** The client did not read, and its buffer was dropped. */
  onDropped(): void;
  onGone(subscriber: Subscriber): void;
}

/** Shared by all empty buffers, which are nearly all of them nearly always. Never written to. */
const NOTHING: LiveEvent[] = [];
