import { openPostgresBooks } from '../../src/adapters/postgres/books.ts';
import { openSqliteBooks } from '../../src/adapters/sqlite/ledger/books.ts';
import { openSqliteLedger } from '../../src/adapters/sqlite/ledger.ts';
import { openStoreReadOnly } from '../../src/adapters/sqlite/store.ts';
import { audit } from '../../src/app/ops/audit.ts';
import { systemClock } from '../../src/domain/clock.ts';
import { FIRST_PRODUCTS, type Product } from '../../src/domain/product.ts';
import type { BooksReader } from '../../src/ports/books.ts';
import type { Found } from '../../src/ports/queries.ts';

/** The books as an auditor reads them, whether or not a server runs on them. */
export interface ReadBooks {
  readonly products: readonly Product[];
  product(productId: number): Product;
  /** What the books hold under these purchase ids. */
  readonly found: ReadonlyMap<string, Found>;
  /** The audit's verdicts that did not pass; empty when the books balance. */
  readonly breaches: readonly string[];
}

const FIND_BATCH = 5_000;

/** Those of the embedded backends. */
export async function readBooks(dataFolder: string, ids: readonly string[] = []): Promise<ReadBooks> {
  const store = openStoreReadOnly(dataFolder);
  try {
    const { products, find } = openSqliteLedger(store, systemClock);
    return await read({ products, find, books: openSqliteBooks(store, systemClock) }, ids);
  } finally {
    store.close();
  }
}

export async function readPostgresBooks(
  databaseUrl: string,
  ids: readonly string[] = [],
): Promise<ReadBooks> {
  const books = await openPostgresBooks(databaseUrl);
  const { product, find } = books;
  const products = async () => {
    const all: Product[] = [];
    for (const { id } of FIRST_PRODUCTS) all.push((await product(id))!);
    return all;
  };
  try {
    return await read({ products, find, books }, ids);
  } finally {
    await books.close();
  }
}

interface Source {
  products(): Promise<Product[]>;
  find(purchaseIds: readonly string[]): Promise<Map<string, Found>>;
  readonly books: BooksReader;
}

async function read({ products, find, books }: Source, ids: readonly string[]): Promise<ReadBooks> {
  const verdicts = audit(await books.read());
  const all = await products();
  const found = new Map<string, Found>();
  for (let at = 0; at < ids.length; at += FIND_BATCH) {
    for (const entry of await find(ids.slice(at, at + FIND_BATCH))) found.set(...entry);
  }
  return {
    products: all,
    product: (productId) => all.find(({ id }) => id === productId)!,
    found,
    breaches: verdicts.filter(({ pass }) => !pass).map(({ name, detail }) => `${name}: ${detail}`),
  };
}
