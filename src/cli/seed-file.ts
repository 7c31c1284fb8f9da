import Type from 'typebox';
import { Compile } from 'typebox/compile';
import type { NewProduct } from '../domain/product.ts';
import { faultOf, UNKNOWN_FIELD } from '../http/json-body.ts';
import { readTime } from '../http/read-time.ts';
import { Currency, EXPECTED_OF_PRODUCTS, ProductBody } from '../http/routes/product-schemas.ts';
import { UsageError } from './flags.ts';

/** A product as `POST /api/v1/products` takes it, with an id, so that a repetition creates it once. */
const { reason: _, productId, ...fields } = ProductBody.properties;
const SeedProductSchema = Type.Object(
  {
    productId: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
    ...fields,
    // Hidden products are for rehearsals, which make their own.
    currency: Currency,
  },
  { additionalProperties: false },
);
const check = Compile(SeedProductSchema);

export type SeedProduct = Type.Static<typeof SeedProductSchema>;

/** Ten pages of a product listing; larger sets need a program of their own. */
const PRODUCTS_MAX = 10_000;

/** Throws UsageError with one line that names the item and the field. */
export function readSeedFile(text: string, file: string): SeedProduct[] {
  const items = parse(text, file);
  if (!Array.isArray(items) || items.length === 0 || items.length > PRODUCTS_MAX) {
    throw new UsageError(`${file} must hold a JSON array of 1 to ${PRODUCTS_MAX} products`);
  }
  const seen = new Set<number>();
  return items.map((item: unknown, index) => {
    const wrong = (what: string) => new UsageError(`${file}, item ${index + 1}: ${what}`);
    if (typeof item !== 'object' || item === null || Array.isArray(item)) throw wrong('is no product');
    if (!check.Check(item)) throw wrong(faultIn(item));
    for (const field of ['opensAt', 'closesAt'] as const) {
      const time = item[field];
      if (time && readTime(time) === undefined) throw wrong(`${field} is not a time that exists: ${time}`);
    }
    if (seen.has(item.productId)) throw wrong(`productId ${item.productId} stands there twice`);
    seen.add(item.productId);
    return item;
  });
}

/** In the ledger's form. */
export function toNewProduct({ productId, opensAt, closesAt, ...rest }: SeedProduct): NewProduct {
  const time = (text: string | null | undefined) => (text ? readTime(text)! : null);
  return { id: productId, ...rest, opensAt: time(opensAt), closesAt: time(closesAt) };
}

function faultIn(item: object): string {
  const { field, why } = faultOf(check, item);
  if (why === 'is required' || why === UNKNOWN_FIELD) return `${field} ${why}`;
  return (EXPECTED_OF_PRODUCTS[field] ?? `${field} ${why}`).replace(', or absent', '');
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${file} is not JSON: ${(error as Error).message}`);
  }
}
