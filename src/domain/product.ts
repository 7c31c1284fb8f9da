import type { RefusalCode } from './purchase.ts';

/**
 * A product and its sale. `total = available + reserved + sold` at every commit; `version` rises by one with every
 * change of the row; `generation` counts the sale's resets.
 */
export interface Product {
  readonly id: number;
  readonly name: string;
  /** Price of one unit in minor units (cents). */
  readonly priceMinor: number;
  /** ISO 4217 code. */
  readonly currency: string;
  readonly total: number;
  readonly reserved: number;
  readonly sold: number;
  readonly version: number;
  readonly generation: number;
  readonly state: 'open' | 'paused';
  /** Milliseconds since the epoch; null: always open. */
  readonly opensAt: number | null;
  /** Milliseconds since the epoch; null: never closes. Exclusive: the sale is closed at this millisecond. */
  readonly closesAt: number | null;
  /** Most units one customer may hold in one generation; null: no limit. */
  readonly perCustomerLimit: number | null;
  /** Anonymous purchases are refused, so that the limit counts every buyer. */
  readonly customerRequired: boolean;
  /** How long an unpaid order keeps its units. */
  readonly holdSeconds: number;
}

/**
 * What buyers are shown of a product beside its sale. It is kept apart from the product, so that no purchase reads or
 * rewrites it.
 */
export interface ProductDescription {
  /** Plain text, line breaks included; null: none. */
  readonly description: string | null;
  /** A picture: an absolute URL, or a path of this server; null: none. */
  readonly imageUrl: string | null;
}

export interface DescribedProduct extends Product, ProductDescription {}

/** What a product needs to be put on sale; everything else starts at zero. */
export interface NewProduct extends NewProductRequest {
  readonly id: number;
}

/** A product to be made, whose id the ledger may choose. */
export interface NewProductRequest {
  readonly id?: number;
  readonly name: string;
  readonly description?: string | null;
  readonly imageUrl?: string | null;
  readonly priceMinor: number;
  readonly currency: string;
  readonly units: number;
  readonly opensAt?: number | null;
  readonly closesAt?: number | null;
  readonly perCustomerLimit?: number | null;
  readonly customerRequired?: boolean;
  readonly holdSeconds?: number;
}

/** Why an operator's step was refused; nothing was changed. */
export type SaleRefusalCode =
  | 'unknown_product'
  /** The operation's key was used for another one. */
  | 'idempotency_mismatch'
  | 'product_exists'
  | 'closes_before_opens'
  /** A newly set time lies in the past. */
  | 'schedule_in_the_past'
  /** Fewer units than are reserved and sold in this generation. */
  | 'units_below_committed'
  | 'units_too_many'
  /** A customer holds more than the new limit already. */
  | 'limit_below_held'
  /** The product has changed since the caller read it. */
  | 'version_mismatch'
  /** Only a hidden product can be removed. */
  | 'product_not_hidden'
  /** Purchases or unpaid orders of it may be under way. */
  | 'sale_not_drained';

export const DEFAULT_HOLD_SECONDS = 600;
/** Units of a product, and so every counter of it, stay within a signed 32-bit integer. */
export const UNITS_MAX = 2 ** 31 - 1;

/**
 * ISO 4217's code for tests. A product priced in it is hidden: made for a rehearsal, left out of lists and metrics, under an id
 * that cannot be guessed; its orders are never charged, and it can be removed with all that its sale left. No column says so:
 * the code stands in the product, in its orders and in its payments, where each step that has to know finds it.
 */
export const TEST_CURRENCY = 'XTS';

/** Of a product, an order or a payment. */
export function isHidden({ currency }: { readonly currency: string }): boolean {
  return currency === TEST_CURRENCY;
}

/** Units free to buy now. */
export function available(product: Product): number {
  return product.total - product.reserved - product.sold;
}

/** A product's free units as of one commit. A higher version is newer. */
export interface StockVersion {
  readonly productId: number;
  readonly version: number;
  readonly available: number;
}

export function stockOf(product: Product): StockVersion {
  return { productId: product.id, version: product.version, available: available(product) };
}

/** Why the sale takes no purchase at this moment, or null when it does. */
export function saleRefusal(
  product: Pick<Product, 'state' | 'opensAt' | 'closesAt'>,
  atMs: number,
): Extract<RefusalCode, 'sale_not_open' | 'sale_closed' | 'sale_paused'> | null {
  if (product.opensAt !== null && atMs < product.opensAt) return 'sale_not_open';
  if (product.closesAt !== null && atMs >= product.closesAt) return 'sale_closed';
  return product.state === 'paused' ? 'sale_paused' : null;
}

/** A sale as its buyers see it at this moment. */
export type SaleState = 'not_open' | 'open' | 'paused' | 'closed';

export function saleState(product: Pick<Product, 'state' | 'opensAt' | 'closesAt'>, atMs: number): SaleState {
  switch (saleRefusal(product, atMs)) {
    case 'sale_not_open':
      return 'not_open';
    case 'sale_closed':
      return 'closed';
    case 'sale_paused':
      return 'paused';
    case null:
      return 'open';
  }
}

/** When the clock alone will change the sale's state next (ms since the epoch); null: never again. */
export function nextSaleChangeAt(
  { opensAt, closesAt }: Pick<Product, 'opensAt' | 'closesAt'>,
  atMs: number,
): number | null {
  if (opensAt !== null && atMs < opensAt) return opensAt;
  return closesAt !== null && atMs < closesAt ? closesAt : null;
}

/** The five products of a first start with an empty ledger. */
export const FIRST_PRODUCTS: readonly NewProduct[] = [
  {
    id: 1,
    name: 'iPhone 15 Pro - Flash Sale',
    description: 'A phone in a titanium frame, with a camera that sees far.',
    priceMinor: 999_99,
    currency: 'USD',
    units: 1000,
  },
  {
    id: 2,
    name: 'Samsung Galaxy S24 - Flash Sale',
    description: 'A light phone with a bright screen that is easy to read outdoors.',
    priceMinor: 899_99,
    currency: 'USD',
    units: 500,
  },
  {
    id: 3,
    name: 'MacBook Pro M3 - Flash Sale',
    description: 'A notebook for long days of work on one charge.',
    priceMinor: 1999_99,
    currency: 'USD',
    units: 100,
  },
  {
    id: 4,
    name: 'PlayStation 5 - Flash Sale',
    description: 'A game console with one controller, ready to play on the television.',
    priceMinor: 499_99,
    currency: 'USD',
    units: 200,
  },
  {
    id: 5,
    name: 'AirPods Pro - Flash Sale',
    description: 'Wireless earphones that keep the noise around you out.',
    priceMinor: 249_99,
    currency: 'USD',
    units: 2000,
  },
];
