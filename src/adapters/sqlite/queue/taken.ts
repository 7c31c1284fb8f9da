import type { Delivery } from '../../../ports/queue.ts';

/** A message handed to a consumer. */
export interface Taken extends Delivery {
  readonly id: number;
  /** How often it was handed out, this time included. */
  readonly deliveries: number;
}

/** What one tick of a consumer commits together. */
export interface Tick {
  /** Handled; to be forgotten. */
  readonly acked: readonly Taken[];
  /** Not handled; to come again after a pause. */
  readonly returned: readonly { readonly message: Taken; readonly delayMs: number }[];
  /** Most items to take; 0 takes nothing. */
  readonly maxItems: number;
}
