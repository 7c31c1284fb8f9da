/** The buyer's endpoint; it decides when the answer comes, never what is guaranteed. */
export type Channel = 'sync' | 'async';

/**
 * An order's life. Every change of status goes through `nextStatus`; no other place decides one.
 *
 *                          charge                captured
 *   (decided) ──▶ reserved ──────▶ charging ─────────────────▶ paid ──refund──▶ refunding ──refunded──▶ refunded
 *                  │   │ ▲            │ │ │                     ▲                                          ▲
 *                  │   │ └─ attempt ──┘ │ └─ declined ─▶ declined ──────────────┐                          │
 *                  │   │    failed      │                       │               │                          │
 *                  │   expire           give_up                 │ units left    │ late_capture             │
 *                  │   │                │                       │               ▼                          │
 *                  │   └────────────────┴──▶ expired ───────────┴─ none left ▶ returning ──────refunded────┘
 *                  │                                                            ▲
 *                  └──cancel──▶ cancelled ───────────late_capture───────────────┘
 *
 * Late money (`late_capture`: the provider captured an attempt that was thought to be over) makes a reserved order paid, and
 * an expired order too if units are left; otherwise the money is refunded from `returning`, which holds no units.
 *
 * Units are `reserved` on the product in reserved and charging, `sold` in paid and refunding, and free otherwise:
 * a refund releases its units with its last step.
 */
export type OrderStatus =
  | ShownStatus
  /** Money that came too late is being refunded. */
  | 'returning';

/** A status as callers see it: whether money came too late or was given back on request is all the same to them. */
export const SHOWN_STATUSES = [
  'reserved',
  'charging',
  'paid',
  'declined',
  'expired',
  'cancelled',
  'refunding',
  'refunded',
] as const;
export type ShownStatus = (typeof SHOWN_STATUSES)[number];

export function shownStatus<Status extends string>(
  status: Status,
): Exclude<Status, 'returning'> | 'refunding' {
  return status === 'returning' ? 'refunding' : (status as Exclude<Status, 'returning'>);
}

export type OrderEvent =
  /** A worker takes the lease; refused once the hold has run out. */
  | { readonly type: 'charge'; readonly holdRuns: boolean }
  | { readonly type: 'captured' }
  | { readonly type: 'declined' }
  /** The provider could not be reached or failed; while the hold runs the order waits for another attempt. */
  | { readonly type: 'attempt_failed'; readonly holdRuns: boolean }
  /** The provider confirmed that the charge is cancelled and will never capture. */
  | { readonly type: 'give_up' }
  | { readonly type: 'expire' }
  | { readonly type: 'cancel' }
  /** Money that arrived for an attempt that was over. `unitsLeft`: an expired order could reserve its units again. */
  | { readonly type: 'late_capture'; readonly unitsLeft: boolean }
  | { readonly type: 'refund' }
  | { readonly type: 'refunded' };

/** The status after `event`, or null when the event does not apply to an order in this status. */
export function nextStatus(status: OrderStatus, event: OrderEvent): OrderStatus | null {
  switch (event.type) {
    case 'charge':
      return status === 'reserved' && event.holdRuns ? 'charging' : null;
    case 'captured':
      return status === 'charging' ? 'paid' : null;
    case 'declined':
      return status === 'charging' ? 'declined' : null;
    case 'attempt_failed':
      if (status !== 'charging') return null;
      return event.holdRuns ? 'reserved' : 'expired';
    case 'give_up':
      return status === 'charging' ? 'expired' : null;
    case 'expire':
      return status === 'reserved' ? 'expired' : null;
    case 'cancel':
      return status === 'reserved' ? 'cancelled' : null;
    case 'late_capture':
      if (status === 'reserved' || (status === 'expired' && event.unitsLeft)) return 'paid';
      return status === 'expired' || status === 'cancelled' || status === 'declined' ? 'returning' : null;
    case 'refund':
      return status === 'paid' ? 'refunding' : null;
    case 'refunded':
      return status === 'refunding' || status === 'returning' ? 'refunded' : null;
  }
}

/** The product counter that an order in this status is part of; null: its units are free. */
export function unitsHeldAs(status: OrderStatus): 'reserved' | 'sold' | null {
  switch (status) {
    case 'reserved':
    case 'charging':
      return 'reserved';
    case 'paid':
    case 'refunding':
      return 'sold';
    case 'declined':
    case 'expired':
    case 'cancelled':
    case 'returning':
    case 'refunded':
      return null;
  }
}

/** One buyer's purchase that got its units. */
export interface Order {
  readonly id: string;
  readonly productId: number;
  /** The generation of the sale that sold it. */
  readonly generation: number;
  /** Assigned at commit, rising per product: an order answered before another was requested has the lower number. */
  readonly number: number;
  readonly customer: string | null;
  readonly quantity: number;
  /** Price of one unit in minor units, as it was at the decision. */
  readonly priceMinor: number;
  readonly currency: string;
  readonly channel: Channel;
  readonly status: OrderStatus;
  /** Free units right after this order, kept so that its answer can be repeated exactly. */
  readonly remaining: number;
  readonly createdAt: number;
  readonly expiresAt: number;
  /** Charge attempts begun so far. */
  readonly attempts: number;
  readonly updatedAt: number;
}

/** An order's new status, as of `updatedAt` (ms since the epoch, the ledger's clock). */
export type OrderChange = Pick<Order, 'id' | 'status' | 'updatedAt'>;

/** What the buyer owes, in minor units. Within 2^53: at most 10^6 units of at most 9 × 10^9 minor units. */
export function amountMinor(order: Pick<Order, 'quantity' | 'priceMinor'>): number {
  return order.quantity * order.priceMinor;
}
