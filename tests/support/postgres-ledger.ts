import { Client } from 'pg';
import { openPostgresBooks } from '../../src/adapters/postgres/books.ts';
import { openPostgresLedger, type PostgresOptions } from '../../src/adapters/postgres/ledger.ts';
import type { LedgerUnderTest } from '../conformance/ledger.contract.ts';

export function openLedger(
  url: string,
  options: Partial<PostgresOptions> = {},
): ReturnType<typeof openPostgresLedger> {
  return openPostgresLedger({ url, poolSize: 4, ...options });
}

/** What a ledger does is the question here, and not how soon on a machine that does other things, too. */
const PATIENT = { connectMs: 20_000, statementMs: 20_000, buyerMs: 20_000 };

/** A ledger at `url` as the contract wants it; `directUrl` is the database itself, when something stands in between. */
export async function ledgerUnderTest(
  url: string,
  close: () => Promise<void>,
  directUrl = url,
): Promise<LedgerUnderTest> {
  const clock = takeClock(directUrl);
  let open = await openLedger(url, { timeouts: PATIENT });
  return {
    get ledger() {
      return open.ledger;
    },
    books: {
      async read() {
        const opened = await openPostgresBooks(url);
        try {
          return await opened.read();
        } finally {
          await opened.close();
        }
      },
    },
    // The one that follows the database's looks at it now and then only.
    now: () => Date.now() + clock.aheadMs(),
    passTime: clock.pass,
    async setState(productId, state) {
      await sql(directUrl, `UPDATE products SET state = $1, version = version + 1 WHERE id = $2`, [
        state,
        productId,
      ]);
    },
    async reopen() {
      await open.ledger.close();
      open = await openLedger(url, { timeouts: PATIENT });
    },
    async close() {
      await open.ledger.close();
      await close();
    },
  };
}

/** Lets us move the clock by which the database decides; by itself it goes on as it does. */
function takeClock(url: string): { aheadMs(): number; pass(ms: number): Promise<void> } {
  let aheadMs = 0;
  return {
    aheadMs: () => aheadMs,
    async pass(ms) {
      aheadMs += ms;
      // A number in the function and not in a table: it is read for every row of a sweep.
      await sql(
        url,
        `CREATE OR REPLACE FUNCTION pulsecart_now() RETURNS bigint LANGUAGE sql VOLATILE AS
         'SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint + ${aheadMs}'`,
      );
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
