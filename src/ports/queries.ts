import type { Order, ShownStatus } from '../domain/order.ts';
import type { RefusalCode } from '../domain/purchase.ts';

/** Look-ups of decisions. A part of the Ledger; all read the last commit. */
export interface Queries {
  /** Outcomes of purchases, by id. An id that the ledger does not know is missing from the map. */
  find(purchaseIds: readonly string[]): Promise<Map<string, Found>>;

  /** An order with its payment attempts, or undefined. */
  order(orderId: string): Promise<OrderView | undefined>;

  /**
   * Orders that meet all of the filter, by falling ids: newest first, because ids begin with the time of acceptance. At most
   * `limit` of them, and fewer where the call has looked at as many orders as one call may: it is over in a few milliseconds, however
   * many orders there are and whatever is asked for. `next` is then the id before which to go on; null only when no older order
   * meets the filter. An order that a queue kept waiting may be committed behind a page that was read already.
   *
   * Orders of hidden products are found only by their product.
   */
  searchOrders(filter: OrderFilter, limit: number): Promise<OrdersFound>;
}

/** What is absent or null restricts nothing. */
export interface OrderFilter {
  readonly productId?: number | null;
  readonly customer?: string | null;
  readonly status?: ShownStatus | null;
  /** Accepted at this time or later (ms since the epoch). */
  readonly fromMs?: number | null;
  /** Accepted before this time (ms since the epoch). */
  readonly toMs?: number | null;
  /** An id, of an order that there is or not: only lower ones. */
  readonly before?: string | null;
}

export interface OrdersFound {
  readonly orders: readonly Order[];
  readonly next: string | null;
}

export type Found =
  | { readonly kind: 'order'; readonly order: Order }
  | {
      readonly kind: 'refused';
      /** Null, like the quantity, where only a lost message had them. */
      readonly productId: number | null;
      readonly quantity: number | null;
      readonly code: RefusalCode;
      readonly available: number;
      readonly decidedAt: number;
    }
  /** Undecided; it was dead-lettered and waits for an operator. */
  | { readonly kind: 'needs_attention' };

export interface OrderView {
  readonly order: Order;
  readonly payments: PaymentAttempt[];
}

export interface PaymentAttempt {
  readonly attempt: number;
  readonly amountMinor: number;
  readonly currency: string;
  readonly status:
    | 'pending'
    | 'captured'
    | 'declined'
    | 'failed'
    | 'cancelled'
    /** Captured, and being refunded. */
    | 'refunding'
    | 'refunded';
  readonly providerId: string | null;
  /** Why it was declined or failed. */
  readonly reason: string | null;
  /** What the customer has disputed of it, and how that ended. */
  readonly dispute: 'open' | 'won' | 'lost' | null;
  /** A refund of it was carried out, and failed afterwards: the money is with the company again. */
  readonly refundFailed: boolean;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** Whether the money of the attempt was captured, also where it went back later. */
export function tookMoney({ status }: Pick<PaymentAttempt, 'status'>): boolean {
  return status === 'captured' || status === 'refunding' || status === 'refunded';
}
