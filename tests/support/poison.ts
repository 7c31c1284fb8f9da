import { Database } from 'bun:sqlite';
import { join } from 'node:path';
import { Client } from 'pg';
import type { ProductionShop } from './production-shop.ts';
import type { EmbeddedShop } from './shop.ts';

/** A buyer whose orders no ledger takes while it is poisoned. */
export const POISON = 'poison';

/** Makes a ledger refuse the orders of one buyer, as a bug of ours would, until it is called again. */
export async function poisonLedger(shop: EmbeddedShop | ProductionShop): Promise<() => Promise<void>> {
  return 'folder' in shop ? poisonSqlite(shop.folder) : poisonPostgres(shop.databaseUrl);
}

function poisonSqlite(folder: string): () => Promise<void> {
  const run = (sql: string) => {
    const db = new Database(join(folder, 'pulsecart.db'), { readwrite: true });
    db.run('PRAGMA busy_timeout = 10000');
    db.run(sql);
    db.close();
  };
  run(`CREATE TRIGGER poisoned BEFORE INSERT ON orders WHEN NEW.customer LIKE '%${POISON}%'
    BEGIN SELECT RAISE(ABORT, 'poisoned for the test'); END`);
  return async () => run('DROP TRIGGER poisoned');
}

async function poisonPostgres(databaseUrl: string): Promise<() => Promise<void>> {
  const run = async (sql: string) => {
    const client = new Client({ connectionString: databaseUrl });
    await client.connect();
    await client.query(sql);
    await client.end();
  };
  await run(`ALTER TABLE orders ADD CONSTRAINT poisoned CHECK (customer NOT LIKE '%${POISON}%') NOT VALID`);
  return () => run('ALTER TABLE orders DROP CONSTRAINT poisoned');
}
