import type { Order } from '../domain/order.ts';
import type { RefusalCode } from '../domain/purchase.ts';

/** Look-ups of decisions. A part of the Ledger; both read the last commit. */
export interface Queries {
  /** Outcomes of purchases, by id. An id that the ledger does not know is missing from the map. */
  find(purchaseIds: readonly string[]): Promise<Map<string, Found>>;

  /** An order with its payment attempts, or undefined. */
  order(orderId: string): Promise<OrderView | undefined>;
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
  readonly createdAt: number;
  readonly updatedAt: number;
}
