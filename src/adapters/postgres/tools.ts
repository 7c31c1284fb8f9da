import { schemaText } from '../../lib/schema-text.ts';
import type { StoreTools } from '../../ports/backends.ts';
import { openPostgresBooks } from './books.ts';
import { examineDatabase, migrateDatabase } from './examine.ts';
import { openPostgresLedger } from './ledger.ts';

/** A clock that is further off than this opens and closes sales at moments that surprise people. */
const CLOCK_AHEAD_MS_MAX = 1_000;

/** Of a PostgreSQL database. */
export function postgresTools(url: string): StoreTools {
  return {
    async schema() {
      const { place, schema, latestSchema } = await examineDatabase(url);
      return {
        place: `in the PostgreSQL database ${place}`,
        version: schema,
        latest: latestSchema,
        migrate: () => migrateDatabase(url),
      };
    },
    async productStore() {
      const { ledger } = await openPostgresLedger({ url, poolSize: 1 });
      return { ...ledger, place: 'in the PostgreSQL database that DATABASE_URL names' };
    },
    books: () => openPostgresBooks(url),
    async examine() {
      const { serverVersion, place, clockAheadMs, schema, latestSchema } = await examineDatabase(url);
      const clock = `its clock is ${Math.abs(clockAheadMs)} ms ${clockAheadMs < 0 ? 'behind' : 'ahead'}`;
      return {
        state: Math.abs(clockAheadMs) > CLOCK_AHEAD_MS_MAX ? 'note' : 'ok',
        detail: `${serverVersion} at ${place}: ${schemaText(schema, latestSchema)}, ${clock}`,
      };
    },
  };
}
