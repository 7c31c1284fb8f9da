import type { LiveEvent } from './events.ts';

/** What one viewer is told, taken at the viewer's own pace. */
export interface Viewing {
  /** All that waits, in order; empty when nothing does. The first thing ever is a snapshot. */
  take(): readonly LiveEvent[];
  /** Calls `wake` once, when something waits. Only for when `take` had nothing. */
  onNews(wake: () => void): void;
  /** True once there is nothing more to come than what waits. */
  readonly isOver: boolean;
  /** The viewer is gone. */
  close(): void;
}

/**
 * Events that wait for a viewer who does not read. They are references to what all viewers share, so this is some hundred
 * bytes; a second and a half of a product's changes at full pace.
 */
export const WAITING_MAX = 32;

/**
 * The mailbox between the rounds and one connection. A viewer who does not read is sent nothing; what waits is bounded, and
 * beyond the bound it is thrown away: the next thing to be read is then one snapshot of how things stand at that moment.
 */
export class Viewer implements Viewing {
  readonly productIds: readonly number[];
  readonly orderIds: readonly string[];
  /** What the shelf had learnt when this viewer's last snapshot was made; only what was learnt later is news. */
  seen: number;
  isOver = false;
  #waiting: LiveEvent[];
  #needsSnapshot = false;
  #wake: (() => void) | null = null;
  readonly #hooks: ViewerHooks;

  constructor(productIds: readonly number[], orderIds: readonly string[], hooks: ViewerHooks) {
    this.productIds = productIds;
    this.orderIds = orderIds;
    this.#hooks = hooks;
    const { event, seen } = hooks.snapshot(this);
    this.seen = seen;
    this.#waiting = [event];
  }

  /** Events that wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  tell(event: LiveEvent): void {
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

  /** Says that the connection stands, to a viewer who reads and has nothing else to read. */
  beat(heartbeat: LiveEvent): void {
    if (this.#wake) this.tell(heartbeat);
  }

  /** The last thing that is told. */
  end(goodbye: LiveEvent): void {
    this.tell(goodbye);
    this.isOver = true;
    this.#call();
  }

  take(): readonly LiveEvent[] {
    if (this.#needsSnapshot) {
      this.#needsSnapshot = false;
      const { event, seen } = this.#hooks.snapshot(this);
      this.seen = seen;
      return [event];
    }
    const taken = this.#waiting;
    this.#waiting = NOTHING;
    return taken;
  }

  onNews(wake: () => void): void {
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

export interface ViewerHooks {
  /** How everything that this viewer watches stands now. */
  snapshot(viewer: Viewer): { readonly event: LiveEvent; readonly seen: number };
  /** This viewer did not read; what waited was thrown away. */
  onDropped(): void;
  onGone(viewer: Viewer): void;
}

/** Shared by everybody for whom nothing waits, which is nearly everybody nearly always. Never written to. */
const NOTHING: LiveEvent[] = [];
