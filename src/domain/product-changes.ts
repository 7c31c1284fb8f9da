import {
  available,
  type DescribedProduct,
  type NewProductRequest,
  type Product,
  type SaleRefusalCode,
  UNITS_MAX,
} from './product.ts';

/** An operator's changes: absent fields stay as they are, null removes a text, a time or a limit. */
export interface ProductChanges {
  readonly name?: string;
  readonly description?: string | null;
  readonly imageUrl?: string | null;
  readonly priceMinor?: number;
  readonly state?: Product['state'];
  readonly opensAt?: number | null;
  readonly closesAt?: number | null;
  readonly perCustomerLimit?: number | null;
  readonly customerRequired?: boolean;
  readonly holdSeconds?: number;
  /** Added to the generation's units and to the free ones; negative removes free units. */
  readonly addUnits?: number;
}

/** A rule that a change would break, and the offending field. */
export interface ChangeRefusal {
  readonly code: SaleRefusalCode;
  readonly field: keyof ProductChanges | null;
}

/** The product as it will be, all of it or nothing. What customers hold is compared with a new limit later. */
export function changed(
  product: DescribedProduct,
  { addUnits = 0, ...changes }: ProductChanges,
  nowMs: number,
): DescribedProduct | ChangeRefusal {
  const next: DescribedProduct = { ...product, ...changes, total: product.total + addUnits };
  const wrong = windowRefusal(next, product, nowMs);
  if (wrong) return wrong;
  if (available(next) < 0) return { code: 'units_below_committed', field: 'addUnits' };
  if (addUnits > 0 && next.total > UNITS_MAX) return { code: 'units_too_many', field: 'addUnits' };
  return next;
}

/** The reason why a new product cannot be put on sale with this window. */
export function newWindowRefusal(
  { opensAt = null, closesAt = null }: Pick<NewProductRequest, 'opensAt' | 'closesAt'>,
  nowMs: number,
): ChangeRefusal | null {
  return windowRefusal({ opensAt, closesAt }, { opensAt: null, closesAt: null }, nowMs);
}

type Window = Pick<Product, 'opensAt' | 'closesAt'>;

/** Tolerance for a caller's "now": its clock and the request's latency. */
const OPENS_NOW_MS = 10_000;

/**
 * Only a newly set time can be wrong: one that has passed since was right when it was set. An opening time a few seconds in
 * the past means now; a closing time may not lie in the past, because units were sold since.
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

/** The window of a sale that ends at this moment. A sale that has not opened yet never will. */
export function closedWindow({ opensAt, closesAt }: Window, nowMs: number): Window {
  return {
    opensAt: opensAt !== null && opensAt > nowMs ? nowMs : opensAt,
    closesAt: closesAt !== null && closesAt <= nowMs ? closesAt : nowMs,
  };
}
