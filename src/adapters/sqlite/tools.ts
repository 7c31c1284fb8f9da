import { systemClock } from '../../domain/clock.ts';
import { schemaText } from '../../lib/schema-text.ts';
import type { StoreTools } from '../../ports/backends.ts';
import { examineStore, migrateStore } from './examine.ts';
import { openSqliteBooks } from './ledger/books.ts';
import { openSqliteLedger } from './ledger.ts';
import { openStore, openStoreReadOnly } from './store.ts';

/** Of the data folder of the embedded backends. */
export function sqliteTools(folder: string): StoreTools {
  const place = `in the folder ${folder}`;
  return {
    async schema() {
      const { schema, latestSchema } = examineStore(folder);
      return { place, version: schema, latest: latestSchema, migrate: async () => migrateStore(folder) };
    },
    async productStore() {
      const store = openStore(folder);
      const { product, createProduct } = openSqliteLedger(store, systemClock);
      return { place, product, createProduct, close: async () => store.close() };
    },
    async books(atMs) {
      const store = openStoreReadOnly(folder);
      const { product, find } = openSqliteLedger(store, systemClock);
      const books = openSqliteBooks(store, atMs === undefined ? systemClock : () => atMs);
      return { ...books, product, find, close: async () => store.close() };
    },
    async examine() {
      const { schema, latestSchema, inUse, sqliteVersion } = examineStore(folder);
      const use = inUse ? 'a server is using it' : 'no server is using it';
      const what = schema === 0 ? 'nothing there yet' : `${schemaText(schema, latestSchema)}, ${use}`;
      return { state: 'ok', detail: `${sqliteVersion}, data in ${folder}: ${what}` };
    },
  };
}
