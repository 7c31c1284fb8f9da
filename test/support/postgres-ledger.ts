import { Client } from 'pg';
import type { Clock } from '../../src/domain/clock.ts';
import type { LedgerUnderTest } from '../../src/ledger/ledger.contract.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { openPostgresBooks } from '../../src/ledger/postgres/books.ts';
import { openPostgresLedger, type PostgresOptions } from '../../src/ledger/postgres.ts';

export function openLedger(
  url: string,
  options: Partial<PostgresOptions> = {},
): Promise<{ ledger: Ledger; clock: Clock }> {
  return openPostgresLedger({ url, poolSize: 4, onTrouble: () => {}, ...options });
}

/** A ledger at `url` as the contract wants it; `directUrl` is the database itself, when something stands in between. */
export async function ledgerUnderTest(
  url: string,
  close: () => Promise<void>,
  directUrl = url,
): Promise<LedgerUnderTest> {
  let open = await openLedger(url);
  return {
    get ledger() {
      return open.ledger;
    },
    books: {
      async read() {
        const opened = await openPostgresBooks(url);
        try {
          return await opened.books.read();
        } finally {
          await opened.close();
        }
      },
    },
    now: () => open.clock(),
    passTime: (ms) => Bun.sleep(ms),
    async setState(productId, state) {
      await sql(directUrl, `UPDATE products SET state = $1, version = version + 1 WHERE id = $2`, [
        state,
        productId,
      ]);
    },
    async reopen() {
      await open.ledger.close();
      open = await openLedger(url);
    },
    async close() {
      await open.ledger.close();
      await close();
    },
  };
}

/** One statement on a connection of its own, past every code of ours. */
export async function sql<Row extends object>(
  url: string,
  text: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query<Row>(text, values)).rows;
  } finally {
    await client.end();
  }
}
