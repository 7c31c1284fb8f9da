import { failure, problem } from '../respond.ts';
import type { Parameter } from '../route.ts';
import { ProductId } from '../schemas.ts';

/** What several routes take, and how they refuse it. */

export const PRODUCT: Parameter = { schema: ProductId, description: 'Product id' };

/** For answers that are true once. */
export const NOT_STORED = { 'Cache-Control': 'no-store' };

type ProductRequest = Request & { readonly params: { readonly productId: string } };

export function readProductId(req: ProductRequest): number | null {
  const value = req.params.productId;
  const id = Number(value);
  return /^[1-9]\d{0,15}$/.test(value) && Number.isSafeInteger(id) ? id : null;
}

export function unknownProduct(
  req: Request,
  productId: number | string,
  refuse: typeof failure | typeof problem = failure,
): Response {
  return refuse(req, 'unknown_product', `There is no product ${String(productId).slice(0, 40)}`, {
    field: 'productId',
  });
}

export function keyMismatch(req: Request): Response {
  return failure(req, 'idempotency_mismatch', 'This Idempotency-Key was used for another request', {
    field: 'Idempotency-Key',
  });
}

export function wrong(req: Request, field: string, message: string): Response {
  return problem(req, 'invalid_request', message, { field });
}

/** How long a page is. */
export const LIMIT: Parameter = {
  schema: { type: 'integer', minimum: 1, maximum: 1000, default: 100 },
  description: 'At most so many',
};

export function readLimit(req: Request, query: URLSearchParams, allowed = LIMIT): number | Response {
  const { minimum, maximum, default: usual } = allowed.schema as Readonly<Record<string, number>>;
  const limit = wholeNumber(query.get('limit') ?? `${usual}`, minimum!, maximum!);
  return limit ?? wrong(req, 'limit', `limit must be a whole number from ${minimum} to ${maximum}`);
}

export function wholeNumber(text: string, min: number, max: number): number | null {
  const value = Number(text);
  return /^\d{1,16}$/.test(text) && value >= min && value <= max ? value : null;
}
