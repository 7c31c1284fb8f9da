import type { NewProduct } from '../../domain/product.ts';
import type { Purchase } from '../../domain/purchase.ts';
import type { ScratchLedger } from '../../ports/backends.ts';
import type { Database, Query } from './database.ts';
import { createDecide } from './decide.ts';
import { createProductQueries, createProducts } from './products.ts';

/** The server ends a transaction that rests for two seconds, should this process stand still. */
const HELD_MS_MAX = 1_500;
/** As a crowd's batches grow. Their orders stay in the table, dead, until the next vacuum. */
const BATCH_SIZES = [1, 8, 32];

/**
 * Sells `products`, which are made in the same transaction, and rolls it back at the end. Opens all connections of the pool meanwhile, and
 * lets each session plan what sells, on products like the first of these. No row is locked that anybody else has.
 */
export async function openScratch(
  database: Database,
  poolSize: number,
  products: readonly NewProduct[],
  madeUpId: () => number,
): Promise<ScratchLedger> {
  const opened = Promise.withResolvers<Query>();
  const left = Promise.withResolvers<void>();
  const held = undone(database, async (query) => {
    await addTo(query, products);
    opened.resolve(query);
    await left.promise;
  });
  held.catch(opened.reject);
  const others = Array.from({ length: poolSize - 1 }, () =>
    undone(database, (query) => sellSome(query, { ...products[0]!, id: madeUpId() })),
  );
  const all = Promise.all([held, ...others]);
  all.catch(() => {});
  const query = await opened.promise;
  return {
    decide: createDecide({ write: query }),
    ...createProductQueries({ read: query }),
    async leave() {
      left.resolve();
      await all;
    },
  };
}

/** An error of `work` would roll it back, too, and end the session. The commit that follows meets no transaction. */
function undone({ transaction }: Database, work: (query: Query) => Promise<void>): Promise<void> {
  return transaction(async (query) => {
    await work(query);
    await query('ROLLBACK');
  }, HELD_MS_MAX);
}

function addTo(query: Query, products: readonly NewProduct[]): Promise<void> {
  return createProducts({ transaction: (work) => work(query) }).addProducts(products);
}

async function sellSome(query: Query, product: NewProduct): Promise<void> {
  await addTo(query, [product]);
  const decide = createDecide({ write: query });
  for (const size of BATCH_SIZES) await decide(Array.from({ length: size }, () => purchaseOf(product.id)));
}

function purchaseOf(productId: number): Purchase {
  return {
    id: Bun.randomUUIDv7(),
    productId,
    quantity: 1,
    customer: 'warm-up',
    expectedPriceMinor: null,
    channel: 'sync',
    key: null,
    acceptedAt: 0,
    decideBy: Number.MAX_SAFE_INTEGER,
    refusal: null,
  };
}
