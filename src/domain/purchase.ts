import type { Order } from './order.ts';

/** Which way the buyer came; it decides when they hear the answer, never what is guaranteed. */
export type Channel = 'sync' | 'async';

/** Why a purchase was refused. Refusals are outcomes, not failures. */
export type RefusalCode =
  | 'sold_out'
  | 'limit_reached'
  | 'sale_not_open'
  | 'sale_closed'
  | 'sale_paused'
  /** The product has another price than the buyer insists on. */
  | 'price_changed'
  /** The sale is for named customers alone. */
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
  /** What the request asked for; the same key with another fingerprint is a mistake of the caller. */
  readonly fingerprint: string;
}

/** One request to buy, as the ledger decides it. */
export interface Purchase {
  /** Made before anything is asked; becomes the order's id, and is the tracking id of an async purchase. */
  readonly id: string;
  readonly productId: number;
  readonly quantity: number;
  /** Canonical customer id, or null for an anonymous buyer, whom no limit applies to. */
  readonly customer: string | null;
  /** The price of one unit, in minor units, at which alone the buyer buys; null: at whatever it is. */
  readonly expectedPriceMinor: number | null;
  readonly channel: Channel;
  readonly key: PurchaseKey | null;
  /** When its request came (ms since the epoch, the ledger's clock). The window of an async purchase is judged at this time. */
  readonly acceptedAt: number;
  /** From this time on, by the ledger's clock, it is refused as `too_old`. */
  readonly decideBy: number;
  /** A refusal that was already certain at acceptance. */
  readonly refusal: RefusalCode | null;
}

/** What the ledger answers for one purchase. */
export type Outcome =
  /** Units are reserved for it; `repeated` when an earlier request with this id or key already had them. */
  | { readonly kind: 'reserved'; readonly order: Order; readonly repeated: boolean }
  /** It gets nothing. `available` is the product's free units at the decision. */
  | { readonly kind: 'refused'; readonly code: RefusalCode; readonly available: number }
  /** Its idempotency key is bound to a different request. */
  | { readonly kind: 'mismatch' }
  /** It gets nothing, because its key has been refused since its request came. */
  | { readonly kind: 'superseded' };

export const QUANTITY_MAX = 1_000_000;

/** The buyer's sentence for a refusal. */
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
