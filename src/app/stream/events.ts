import type { OrderStatus } from '../../domain/order.ts';
import type { Product, SaleState } from '../../domain/product.ts';
import type { RefusalCode } from '../../domain/purchase.ts';

/** A product as subscribers see it: its row, and its sale's state by the service's clock. */
export interface ProductNow {
  readonly product: Product;
  readonly state: SaleState;
}

/** A purchase as a holder of its id sees it. */
export interface OrderNow {
  readonly orderId: string;
  /** `pending`: not decided yet, or unknown. `rejected` and `failed`: there will be no order. */
  readonly status: OrderStatus | 'pending' | 'rejected' | 'failed';
  /** Why there will be no order. */
  readonly code: RefusalCode | null;
  /** Milliseconds since the epoch. */
  readonly updatedAt: number;
  /** When the hold runs out; null where there is no order. */
  readonly expiresAt: number | null;
}

/**
 * The events for subscribers. All of them get the same object, so that it is serialized once. `atMs` is the service's
 * clock.
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
  /** Keeps an idle connection open. */
  | { readonly type: 'heartbeat' }
  /** The last event: the server stops, and the client should reconnect. */
  | { readonly type: 'goodbye' };

export type ProductEvent = Extract<LiveEvent, { now: ProductNow }>;
