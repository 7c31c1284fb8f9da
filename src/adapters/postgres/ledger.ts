import type { Clock } from '../../domain/clock.ts';
import { type Log, NO_LOG } from '../../lib/log.ts';
import type { Backends } from '../../ports/backends.ts';
import type { Ledger } from '../../ports/ledger.ts';
import { createAuditLog } from './audit-log.ts';
import { createCancelRefund } from './cancel-refund.ts';
import { followClock } from './clock.ts';
import { placeOf, withConnection } from './connection.ts';
import { hurried, openDatabase, TIMEOUTS, type Timeouts } from './database.ts';
import { createDecide } from './decide.ts';
import { createFind } from './find.ts';
import { requireFitness } from './fitness.ts';
import { createHistory } from './history.ts';
import { createHousekeeping } from './housekeeping.ts';
import { createKeys } from './keys.ts';
import { migrate } from './migrate.ts';
import { createPayments } from './payments.ts';
import { createProductQueries, createProducts } from './products.ts';
import { createRetention } from './retention.ts';
import { openScratch } from './scratch.ts';
import { createSearch } from './search.ts';
import { createWebhooks } from './webhooks.ts';

export interface PostgresOptions {
  /** postgres://user:password@host:5432/database */
  readonly url: string;
  /** Connections at most, which is also the most statements at once. */
  readonly poolSize: number;
  /** Gets the connections that break while they are idle. */
  readonly log?: Log;
  readonly timeouts?: Partial<Timeouts>;
  /** Takes a server that may lose what it has committed: for tests and toys. */
  readonly allowUnsafeDurability?: boolean;
}

/**
 * The ledger in PostgreSQL 15 or newer, shared by any number of instances. What a crowd asks for is one statement in one round
 * trip; what operators do is a short transaction. A pooler in transaction mode may stand in between. `clock` follows the
 * database's clock.
 *
 * Rejects with AppError `unavailable` when no server answers there, with `unusable_store` when what answers cannot be used.
 */
export async function openPostgresLedger({
  url,
  poolSize,
  log = NO_LOG,
  timeouts = {},
  allowUnsafeDurability = false,
}: PostgresOptions): Promise<{
  ledger: Ledger;
  clock: Clock;
  openScratch: NonNullable<Backends['openScratch']>;
}> {
  const place = placeOf(url);
  await withConnection(place, async (client) => {
    await requireFitness(client, place.name, allowUnsafeDurability);
    await migrate(client, place);
  });
  const limits = { ...TIMEOUTS, ...timeouts };
  const database = openDatabase(place.connection, poolSize, limits, log);
  const forBuyers = hurried(database, limits.buyerMs);
  try {
    const clock = await followClock(database);
    const ledger = {
      decide: createDecide(forBuyers),
      ...createFind(forBuyers),
      ...createSearch(database),
      ...createKeys(forBuyers),
      ...createPayments(database),
      ...createCancelRefund(forBuyers),
      ...createProductQueries(forBuyers),
      ...createProducts(database),
      ...createHousekeeping(database),
      ...createAuditLog(database),
      ...createRetention(database),
      ...createHistory(database),
      ...createWebhooks(database),
      async close() {
        clock.close();
        await database.close();
      },
    };
    return {
      ledger,
      clock: clock.now,
      openScratch: (products, madeUpId) => openScratch(database, poolSize, products, madeUpId),
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}
