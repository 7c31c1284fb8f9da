import type { OrderStatus } from '../../domain/order.ts';
import type { Product, SaleState } from '../../domain/product.ts';
import type { RefusalCode } from '../../domain/purchase.ts';

/** A product as subscribers see it: its row, and what its sale is by the service's clock. */
export interface ProductNow {
  readonly product: Product;
  readonly state: SaleState;
}

/** A purchase as a holder of its id sees it. */
export interface OrderNow {
  readonly orderId: string;
  /** `pending`: not decided yet, or not known yet. `rejected` and `failed`: there will be no order. */
  readonly status: OrderStatus | 'pending' | 'rejected' | 'failed';
  /** Why there will be no order. */
  readonly code: RefusalCode | null;
  /** Milliseconds since the epoch. */
  readonly updatedAt: number;
  /** When the hold runs out; null where there is no order. */
  readonly expiresAt: number | null;
}

/**
 * What subscribers are sent. One object goes to all of them, so that it is written for the wire once.
 * `atMs` is the service's clock.
 */
export type LiveEvent =
  | {
      readonly type: 'snapshot';
      readonly atMs: number;
      readonly products: readonly ProductNow[];
      readonly orders: readonly OrderNow[];
    }
  | {
      readonly type: 'stock.changed' | 'sale.opened' | 'sale.closed';
      readonly atMs: number;
      readonly now: ProductNow;
    }
  | { readonly type: 'order.updated'; readonly order: OrderNow }
  /** Nothing happened; the connection still stands. */
  | { readonly type: 'heartbeat' }
  /** The last one: the server stops, come back elsewhere. */
  | { readonly type: 'goodbye' };

export type ProductEvent = Extract<LiveEvent, { now: ProductNow }>;
