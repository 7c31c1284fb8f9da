import { type AuditEntry, type EarlierEntry, isSameEntry } from './audit-entry.ts';
import {
  DEFAULT_HOLD_SECONDS,
  type DescribedProduct,
  isHidden,
  type NewProduct,
  type Product,
  type ProductDescription,
  type SaleRefusalCode,
  saleState,
} from './product.ts';
import {
  type ChangeRefusal,
  changed,
  closedWindow,
  newWindowRefusal,
  type ProductChanges,
} from './product-changes.ts';

/**
 * What operators do to products, decided purely. A ledger locks the product, reads what is `Found`, asks here, and writes what
 * is to be saved, with the entry, in the same commit.
 */
export type ProductStep = (product: DescribedProduct, nowMs: number) => DescribedProduct | ChangeRefusal;

export type SaleStep =
  | { readonly kind: 'done'; readonly product: DescribedProduct }
  /** Nothing was changed. */
  | {
      readonly kind: 'refused';
      readonly code: SaleRefusalCode;
      /** What of the request is refused; null when it is all of it. */
      readonly field: keyof ProductChanges | null;
      /** As it stands; null when it is not there. */
      readonly product: Product | null;
      /** The most units that one customer holds in this generation; with `limit_below_held` alone. */
      readonly mostHeld: number | null;
    };

/** What became of a step of a removal. */
export type RemovalStep =
  | Extract<SaleStep, { kind: 'refused' }>
  /** A part of what the sale left is deleted; there may be more. */
  | { readonly kind: 'part' }
  /** The product is gone, and nothing of its sale is left. */
  | { readonly kind: 'removed' };

export interface Found {
  readonly product: DescribedProduct | null;
  /** What was done before with the entry's id or key. */
  readonly earlier: EarlierEntry | null;
  /** By the ledger's clock, read under the lock. */
  readonly nowMs: number;
}

/** What is to be written: `next` has its new version, unless the step changes nothing. */
export interface Save {
  readonly kind: 'save';
  readonly before: DescribedProduct;
  readonly next: DescribedProduct;
}

export function changeStep(changes: ProductChanges, version: number | null): ProductStep {
  return (product, nowMs) =>
    version !== null && version !== product.version
      ? { code: 'version_mismatch', field: null }
      : changed(product, changes, nowMs);
}

export const closeStep: ProductStep = (product, nowMs) => ({ ...product, ...closedWindow(product, nowMs) });

/** A new generation of exactly `units` free units. */
export function resetStep(units: number): ProductStep {
  return (product) => ({
    ...product,
    generation: product.generation + 1,
    total: product.reserved + product.sold + units,
  });
}

export function decideStep(
  { product, earlier, nowMs }: Found,
  entry: AuditEntry | null,
  step: ProductStep,
): SaleStep | Save {
  if (!product) return refused({ code: 'unknown_product', field: null }, null);
  if (earlier) return doneBefore(earlier, entry!, product);
  const next = step(product, nowMs);
  if ('code' in next) return refused(next, product);
  const version = product.version + 1;
  return {
    kind: 'save',
    before: product,
    next: Bun.deepEquals(next, product) ? product : { ...next, version },
  };
}

/** For a new product, under an id that is free unless `product` has it; or the one that the earlier entry made. */
export function decideNew(
  { product, earlier, nowMs }: Found,
  entry: AuditEntry,
  request: NewProduct,
): SaleStep | { readonly kind: 'save'; readonly next: DescribedProduct } {
  if (earlier) return doneBefore(earlier, entry, product!);
  if (product) return refused({ code: 'product_exists', field: null }, product);
  const wrong = newWindowRefusal(request, nowMs);
  return wrong ? refused(wrong, null) : { kind: 'save', next: newProduct(request) };
}

/** Whether a product may be removed now; null when it may. */
export function removalRefusal(
  { product, earlier, nowMs }: Found,
  entry: AuditEntry,
): Exclude<RemovalStep, { kind: 'part' }> | null {
  if (!product && earlier && isSameEntry(earlier, entry)) return { kind: 'removed' };
  if (!product) return refused({ code: 'unknown_product', field: null }, null);
  if (!isHidden(product)) return refused({ code: 'product_not_hidden', field: null }, product);
  const isDrained = saleState(product, nowMs) === 'closed' && product.reserved === 0;
  return isDrained ? null : refused({ code: 'sale_not_drained', field: null }, product);
}

/** Whether a customer holds more than the new limit, once holdings are kept as it needs them; null when none does. */
export function limitRefusal({ before, next }: Save, mostHeld: number | null): SaleStep | null {
  if (mostHeld === null || next.perCustomerLimit === null || mostHeld <= next.perCustomerLimit) return null;
  return refused({ code: 'limit_below_held', field: 'perCustomerLimit' }, before, mostHeld);
}

export function newProduct(request: NewProduct): DescribedProduct {
  const { id, name, priceMinor, currency, units, opensAt = null, closesAt = null } = request;
  const { description = null, imageUrl = null } = request;
  const { perCustomerLimit = null, customerRequired = false, holdSeconds = DEFAULT_HOLD_SECONDS } = request;
  const begun = { total: units, reserved: 0, sold: 0, version: 1, generation: 1, state: 'open' } as const;
  const terms = { opensAt, closesAt, perCustomerLimit, customerRequired, holdSeconds };
  return { id, name, description, imageUrl, priceMinor, currency, ...begun, ...terms };
}

export function isDescribed({ description, imageUrl }: ProductDescription): boolean {
  return description !== null || imageUrl !== null;
}

export function hasSameDescription(a: ProductDescription, b: ProductDescription): boolean {
  return a.description === b.description && a.imageUrl === b.imageUrl;
}

/** Of an entry's subject, `product/<id>`. */
export function productIdIn(subject: string): number {
  return Number(subject.replace('product/', ''));
}

function doneBefore(earlier: EarlierEntry, entry: AuditEntry, product: DescribedProduct): SaleStep {
  return isSameEntry(earlier, entry)
    ? { kind: 'done', product }
    : refused({ code: 'idempotency_mismatch', field: null }, product);
}

export function refused(
  { code, field }: ChangeRefusal,
  product: Product | null,
  mostHeld: number | null = null,
): Extract<SaleStep, { kind: 'refused' }> {
  return { kind: 'refused', code, field, product, mostHeld };
}
