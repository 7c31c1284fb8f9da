import { Database } from 'bun:sqlite';
import { join } from 'node:path';
import { Client } from 'pg';
import type { DistributedShop } from './distributed-shop.ts';
import type { EmbeddedShop } from './shop.ts';

/** A buyer whose orders the ledger refuses after `failRows`. */
export const FAILING = 'poison';

/** Makes the ledger refuse one buyer's orders, as a bug of ours would; the returned function ends that. */
export async function failRows(shop: EmbeddedShop | DistributedShop): Promise<() => Promise<void>> {
  return 'folder' in shop ? failInSqlite(shop.folder) : failInPostgres(shop.databaseUrl);
}

function failInSqlite(folder: string): () => Promise<void> {
  const run = (sql: string) => {
    const db = new Database(join(folder, 'pulsecart.db'), { readwrite: true });
    db.run('PRAGMA busy_timeout = 10000');
    db.run(sql);
    db.close();
  };
  run(`CREATE TRIGGER poisoned BEFORE INSERT ON orders WHEN NEW.customer LIKE '%${FAILING}%'
    BEGIN SELECT RAISE(ABORT, 'poisoned for the test'); END`);
  return async () => run('DROP TRIGGER poisoned');
}

async function failInPostgres(databaseUrl: string): Promise<() => Promise<void>> {
  const run = async (sql: string) => {
    const client = new Client({ connectionString: databaseUrl });
    await client.connect();
    await client.query(sql);
    await client.end();
  };
  await run(`ALTER TABLE orders ADD CONSTRAINT poisoned CHECK (customer NOT LIKE '%${FAILING}%') NOT VALID`);
  return () => run('ALTER TABLE orders DROP CONSTRAINT poisoned');
}
