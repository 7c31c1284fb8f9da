import type { Delivery } from '../../../ports/queue.ts';

/** A message delivered to a consumer. */
export interface Taken extends Delivery {
  readonly id: number;
  /** How often it was delivered, this time included. */
  readonly deliveries: number;
}

/** The parts of one tick's commit. */
export interface Tick {
  /** Handled messages, to be deleted. */
  readonly acked: readonly Taken[];
  /** Failed messages, to be redelivered after a pause. */
  readonly returned: readonly { readonly message: Taken; readonly delayMs: number }[];
  /** Most items to take; 0 takes nothing. */
  readonly maxItems: number;
}
