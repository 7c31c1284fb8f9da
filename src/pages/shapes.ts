import type { ShownStatus } from '../domain/order.ts';

/** What the pages know of the API's answers, as the routes describe them. */

export type SaleState = 'not_open' | 'open' | 'paused' | 'closed';

/** What the live stream tells of a product. Times are ISO 8601. */
export interface StockNow {
  readonly productId: number;
  readonly total: number;
  readonly available: number;
  readonly reserved: number;
  readonly version: number;
  readonly state: SaleState;
  readonly priceMinor: number;
  readonly currency: string;
  readonly opensAt: string | null;
  readonly closesAt: string | null;
}

export interface Product extends StockNow {
  readonly name: string;
  readonly description: string | null;
  readonly imageUrl: string | null;
  readonly perCustomerLimit: number | null;
  readonly customerRequired: boolean;
  readonly holdSeconds: number;
}

export type OrderStatus =
  | ShownStatus
  /** Its commit is not known yet. */
  | 'pending'
  /** Of a queued purchase that will never be an order. */
  | 'rejected'
  | 'failed';

export interface Payment {
  readonly attempt: number;
  readonly status: string;
  readonly amountMinor: number;
  readonly currency: string;
  readonly reason: string | null;
  readonly dispute?: 'open' | 'won' | 'lost';
  readonly refundFailed?: boolean;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** An order, or all that is known of it: one that is `pending` has its id alone. */
export interface Order {
  readonly orderId: string;
  readonly status: OrderStatus;
  readonly productId?: number;
  readonly quantity?: number;
  readonly number?: number;
  readonly channel?: 'sync' | 'async';
  readonly amountMinor?: number;
  readonly currency?: string;
  readonly createdAt?: string;
  readonly expiresAt?: string;
  readonly updatedAt?: string;
  readonly payments?: readonly Payment[];
  /** Why there will be no order. */
  readonly code?: string;
  readonly message?: string;
}

/** What became of a queued purchase. */
export interface Tracking {
  readonly trackingId: string;
  readonly status: 'queued' | 'confirmed' | 'rejected' | 'failed';
  readonly code?: string;
  readonly message?: string;
  readonly productId?: number;
  readonly quantity?: number;
  readonly updatedAt: string;
}

/** A queued purchase as the order that it is, or will be; null where the order itself can be read. */
export function orderOf({ trackingId, status, ...rest }: Tracking): Order | null {
  if (status === 'confirmed') return null;
  return { ...rest, orderId: trackingId, status: status === 'queued' ? 'pending' : status };
}

/** What the live stream tells of an order. */
export interface OrderNow {
  readonly orderId: string;
  readonly status: OrderStatus;
  readonly code?: string;
  readonly updatedAt: string;
  readonly expiresAt?: string;
}

/** What the server answers about the payment of an order, for the page on which its buyer pays. */
export interface OpenPayment {
  readonly status: 'open' | 'action' | 'processing' | 'authorised' | 'captured' | 'cancelled';
  readonly clientSecret: string;
  readonly publishableKey: string;
  readonly amountMinor: number;
  readonly currency: string;
  readonly holdEndsAt: string;
}

/** Whether an order waits for its payment. */
export function isUnpaid({ status }: Pick<Order, 'status'>): boolean {
  return status === 'reserved' || status === 'charging';
}

/** What a page is made from, on the server and again in the browser. */
export type PageData = {
  readonly serverTime: string;
  /** Tells what is only for those who try the program out. */
  readonly development: boolean;
  /** Who buys is known by a session, which the server gives to each browser. */
  readonly hasSessions: boolean;
  /** Orders are paid by their buyers on these pages; else the server charges them. */
  readonly buyersPay: boolean;
} & (
  | { readonly page: 'sales'; readonly products: readonly Product[]; readonly more: boolean }
  | { readonly page: 'product'; readonly product: Product }
  | {
      readonly page: 'order';
      /** How the id came: an order's, or the tracking id of a queued purchase. */
      readonly kind: 'order' | 'tracking';
      readonly order: Order;
      readonly product: Product | null;
    }
  | { readonly page: 'orders' }
  | { readonly page: 'missing'; readonly what: 'product' | 'order' | 'trouble' }
  | {
      readonly page: 'ops';
      /** The token that this server made itself, where this machine's own user asks a development server. */
      readonly token: string | null;
    }
);

/** Whether a buyer may come to pay on this page without loading it again. */
export function takesPayment(data: PageData): boolean {
  if (!data.buyersPay) return false;
  return (
    data.page === 'product' ||
    (data.page === 'order' && (data.order.status === 'pending' || isUnpaid(data.order)))
  );
}

export type PageName = PageData['page'];
export type DataOf<P extends PageName> = Extract<PageData, { page: P }>;
