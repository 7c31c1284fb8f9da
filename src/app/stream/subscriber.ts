import type { LiveEvent } from './events.ts';

/** What one client is sent, taken at the client's own pace. */
export interface Subscription {
  /** All that waits, in order; empty when nothing does. The first thing ever is a snapshot. */
  take(): readonly LiveEvent[];
  /** Calls `wake` once, when something waits. Only for when `take` had nothing. */
  onEvents(wake: () => void): void;
  /** True once there is nothing more to come than what waits. */
  readonly isOver: boolean;
  /** The client is gone. */
  close(): void;
}

/**
 * Events that wait for a client that does not read. They are references to what all subscribers share, so this is some
 * hundred bytes; a second and a half of a product's changes at full pace.
 */
export const WAITING_MAX = 32;

/**
 * The buffer between the broadcasts and one connection. A client that does not read is sent nothing; the buffer is bounded,
 * and beyond the bound it is thrown away: the next thing to be read is then one snapshot as of that moment.
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

  /** Events that wait. */
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

  /** Shows that the connection stands, to a client that reads and has nothing else to read. */
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
  /** How everything that this subscriber watches stands now, and as of which revision of the watched products. */
  snapshot(subscriber: Subscriber): { readonly event: LiveEvent; readonly revision: number };
  /** The client did not read; its buffer was thrown away. */
  onDropped(): void;
  onGone(subscriber: Subscriber): void;
}

/** Shared by all empty buffers, which are nearly all of them nearly always. Never written to. */
const NOTHING: LiveEvent[] = [];
