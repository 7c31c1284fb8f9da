import { available, type Product, UNITS_MAX } from '../../domain/product.ts';
import type { SaleStep } from '../../domain/product-steps.ts';
import { isoTime, problem } from '../respond.ts';

type Refused = Extract<SaleStep, { kind: 'refused' }>;

/** What an operator is told when the ledger refuses: the field, the figures of now, and what would be accepted. */
export function saleRefused(req: Request, refused: Refused, nowMs: number): Response {
  const field = refused.field === 'addUnits' ? 'delta' : (refused.field ?? WHOLE[refused.code]);
  return problem(req, refused.code, refusalSentence(refused, nowMs), field === undefined ? {} : { field });
}

/** The input that a refusal of everything is about. */
const WHOLE: Partial<Record<Refused['code'], string>> = {
  unknown_product: 'productId',
  product_not_hidden: 'productId',
  sale_not_drained: 'productId',
  product_exists: 'productId',
  version_mismatch: 'If-Match',
  idempotency_mismatch: 'Idempotency-Key',
};

/** The same in words alone. */
export function refusalSentence({ code, field, product, mostHeld }: Refused, nowMs: number): string {
  switch (code) {
    case 'unknown_product':
      return 'There is no product with this productId';
    case 'idempotency_mismatch':
      return 'This Idempotency-Key was used for another request';
    case 'product_exists':
      return `productId must be a free one: there is a product ${product!.id} already`;
    case 'version_mismatch':
      return `If-Match names another version: the product is at version ${product!.version} now. A weak ETag (W/) names none`;
    case 'schedule_in_the_past':
      return `${field} must not lie in the past: it is ${isoTime(nowMs)} now. null sets no time`;
    case 'closes_before_opens':
      return `${field} must leave some time between opensAt and closesAt${product ? `: ${window(product)}` : ''}`;
    case 'units_below_committed':
      return `delta must be at least ${0 - available(product!)}: ${figures(product!)}`;
    case 'units_too_many':
      return `delta must be at most ${Math.max(0, UNITS_MAX - product!.total)}: ${figures(product!)}`;
    case 'limit_below_held':
      return `perCustomerLimit must be at least ${mostHeld}: a customer holds that many units already`;
    case 'product_not_hidden':
      return `Only hidden products can be removed, and product ${product!.id} is sold in ${product!.currency}`;
    case 'sale_not_drained':
      return 'Purchases or unpaid orders of this sale may be under way: drain it first, and give the queue some seconds';
  }
}

function window({ opensAt, closesAt }: Product): string {
  const time = (ms: number | null) => (ms === null ? 'null' : isoTime(ms));
  return `opensAt is ${time(opensAt)} and closesAt ${time(closesAt)} now`;
}

function figures(product: Product): string {
  const { total, reserved, sold } = product;
  return `of ${total} units ${available(product)} are free, ${reserved} reserved and ${sold} sold`;
}
