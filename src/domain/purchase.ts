import type { Channel, Order } from './order.ts';
import type { TraceContext } from './trace-context.ts';

/** Why a purchase was refused. Refusals are outcomes, not failures. */
export type RefusalCode =
  | 'sold_out'
  | 'limit_reached'
  | 'sale_not_open'
  | 'sale_closed'
  | 'sale_paused'
  /** The product's price differs from the one that the buyer expects. */
  | 'price_changed'
  /** The sale is for named customers only. */
  | 'customer_required'
  | 'unknown_product'
  | 'too_old'
  /** An operator gave it up; it had been dead-lettered as undecidable. */
  | 'discarded';

/** An idempotency key as the ledger binds it. */
export interface PurchaseKey {
  /** Route and customer that the key belongs to. */
  readonly scope: string;
  readonly value: string;
  /** Identifies the request; the same key with another fingerprint is a caller's mistake. */
  readonly fingerprint: string;
}

/** One request to buy, as the ledger decides it. */
export interface Purchase {
  /** Made before any backend is called; becomes the order's id, and is the tracking id of an async purchase. */
  readonly id: string;
  readonly productId: number;
  readonly quantity: number;
  /** Canonical customer id, or null for an anonymous buyer, to whom no limit applies. */
  readonly customer: string | null;
  /** The only unit price, in minor units, at which the buyer buys; null: any price. */
  readonly expectedPriceMinor: number | null;
  readonly channel: Channel;
  readonly key: PurchaseKey | null;
  /** When its request arrived (ms since the epoch, the ledger's clock). The window of an async purchase is judged then. */
  readonly acceptedAt: number;
  /** From this time on, by the ledger's clock, it is refused as `too_old`. */
  readonly decideBy: number;
  /** A refusal that was certain at acceptance. */
  readonly refusal: RefusalCode | null;
  /** Where its next span belongs; absent unless it is sampled. No ledger keeps it. */
  readonly trace?: TraceContext;
}

/** The ledger's answer to one purchase. */
export type Outcome =
  /** Units are reserved for it; `repeated` when an earlier request with this id or key already had them. */
  | { readonly kind: 'reserved'; readonly order: Reservation; readonly repeated: boolean }
  /** Refused. `available` is the product's free units at the decision. */
  | { readonly kind: 'refused'; readonly code: RefusalCode; readonly available: number }
  /** Its idempotency key is bound to a different request. */
  | { readonly kind: 'mismatch' }
  /** Refused, because its key has been refused since its request arrived. */
  | { readonly kind: 'superseded' };

/** What the buyer is told of the order; the rest is known from the purchase. */
export type Reservation = Pick<Order, 'id' | 'remaining' | 'createdAt' | 'priceMinor' | 'currency'>;

export function reserved(order: Reservation, repeated: boolean): Outcome {
  const { id, remaining, createdAt, priceMinor, currency } = order;
  return { kind: 'reserved', order: { id, remaining, createdAt, priceMinor, currency }, repeated };
}

/** An outcome as one word, for figures and traces. */
export function outcomeCode(outcome: Outcome): string {
  return outcome.kind === 'refused' ? outcome.code : outcome.kind;
}

export const QUANTITY_MAX = 1_000_000;

/** The message of a refusal for the buyer. */
export function refusalMessage(code: RefusalCode, quantity: number, available: number): string {
  switch (code) {
    case 'sold_out':
      return `Out of stock. Requested: ${quantity}, Available: ${available}`;
    case 'limit_reached':
      return `Limit per customer reached. Requested: ${quantity}`;
    case 'sale_not_open':
      return 'The sale has not opened yet';
    case 'sale_closed':
      return 'The sale has closed';
    case 'sale_paused':
      return 'The sale is paused';
    case 'price_changed':
      return 'The price is not the expected one';
    case 'customer_required':
      return 'This sale needs a userId';
    case 'unknown_product':
      return 'Unknown product';
    case 'too_old':
      return 'The purchase waited past its time and was not carried out';
    case 'discarded':
      return 'The purchase could not be decided and was given up';
  }
}
