import {
  available,
  type NewProductRequest,
  type Product,
  type SaleRefusalCode,
  UNITS_MAX,
} from './product.ts';

/** What an operator wants otherwise; what is not named stays as it is, and null takes a time or a limit away. */
export interface ProductChanges {
  readonly name?: string;
  readonly priceMinor?: number;
  readonly state?: Product['state'];
  readonly opensAt?: number | null;
  readonly closesAt?: number | null;
  readonly perCustomerLimit?: number | null;
  readonly customerRequired?: boolean;
  readonly holdSeconds?: number;
  /** Added to the round and its free units; negative takes free units away. */
  readonly addUnits?: number;
}

/** A rule that a change would break, and the part of the change that would. */
export interface ChangeRefusal {
  readonly code: SaleRefusalCode;
  readonly field: keyof ProductChanges | null;
}

/** The product as it will be, all of it or nothing. What customers hold is compared with a new limit later. */
export function changed(
  product: Product,
  { addUnits = 0, ...changes }: ProductChanges,
  nowMs: number,
): Product | ChangeRefusal {
  const next: Product = { ...product, ...changes, total: product.total + addUnits };
  const wrong = windowRefusal(next, product, nowMs);
  if (wrong) return wrong;
  if (available(next) < 0) return { code: 'units_below_committed', field: 'addUnits' };
  if (addUnits > 0 && next.total > UNITS_MAX) return { code: 'units_too_many', field: 'addUnits' };
  return next;
}

/** What keeps a new product from being put on sale with this window. */
export function newWindowRefusal(
  { opensAt = null, closesAt = null }: Pick<NewProductRequest, 'opensAt' | 'closesAt'>,
  nowMs: number,
): ChangeRefusal | null {
  return windowRefusal({ opensAt, closesAt }, { opensAt: null, closesAt: null }, nowMs);
}

type Window = Pick<Product, 'opensAt' | 'closesAt'>;

/** "Now" by the caller's clock, and after its way here. */
const OPENS_NOW_MS = 10_000;

/**
 * Only a time that is set anew can be wrong: one that has passed since was right when it was set. A sale that opens a few seconds
 * ago opens now. It does not close a few seconds ago: units were sold since.
 */
function windowRefusal(next: Window, before: Window, nowMs: number): ChangeRefusal | null {
  const { opensAt, closesAt } = next;
  const opensAnew = opensAt !== before.opensAt;
  const closesAnew = closesAt !== before.closesAt;
  if (opensAnew && opensAt !== null && opensAt < nowMs - OPENS_NOW_MS)
    return { code: 'schedule_in_the_past', field: 'opensAt' };
  if (closesAnew && closesAt !== null && closesAt < nowMs)
    return { code: 'schedule_in_the_past', field: 'closesAt' };
  if ((opensAnew || closesAnew) && opensAt !== null && closesAt !== null && closesAt <= opensAt)
    return { code: 'closes_before_opens', field: closesAnew ? 'closesAt' : 'opensAt' };
  return null;
}

/** The window of a sale that ends at this moment. One that has not opened yet will not open any more. */
export function closedWindow({ opensAt, closesAt }: Window, nowMs: number): Window {
  return {
    opensAt: opensAt !== null && opensAt > nowMs ? nowMs : opensAt,
    closesAt: closesAt !== null && closesAt <= nowMs ? closesAt : nowMs,
  };
}
