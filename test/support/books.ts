import { audit } from '../../src/audit/audit.ts';
import { systemClock } from '../../src/domain/clock.ts';
import type { Product } from '../../src/domain/product.ts';
import { openStoreReadOnly } from '../../src/embedded/store.ts';
import type { Found } from '../../src/ledger/ledger.ts';
import { openSqliteBooks } from '../../src/ledger/sqlite/books.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite.ts';

/** A data folder as an auditor reads it, whether or not a server runs on it. */
export interface ReadBooks {
  readonly products: readonly Product[];
  product(productId: number): Product;
  /** What the books hold under these purchase ids. */
  readonly found: ReadonlyMap<string, Found>;
  /** The audit's verdicts that did not pass; empty when the books balance. */
  readonly breaches: readonly string[];
}

const FIND_BATCH = 5_000;

export async function readBooks(dataFolder: string, ids: readonly string[] = []): Promise<ReadBooks> {
  const store = openStoreReadOnly(dataFolder);
  try {
    const ledger = openSqliteLedger(store, systemClock);
    const verdicts = audit(await openSqliteBooks(store, systemClock).read());
    const products = await ledger.products();
    const found = new Map<string, Found>();
    for (let at = 0; at < ids.length; at += FIND_BATCH) {
      for (const entry of await ledger.find(ids.slice(at, at + FIND_BATCH))) found.set(...entry);
    }
    return {
      products,
      product: (productId) => products.find(({ id }) => id === productId)!,
      found,
      breaches: verdicts.filter(({ pass }) => !pass).map(({ name, detail }) => `${name}: ${detail}`),
    };
  } finally {
    store.close();
  }
}
