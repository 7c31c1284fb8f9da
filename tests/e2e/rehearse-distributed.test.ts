import { Redis } from 'ioredis';
import { askRows } from '../../bench/tables.ts';
import { onDistributedBackends } from '../support/backends.ts';
import { openDistributedShop } from '../support/distributed-shop.ts';
import { SHOP_ENV } from '../support/rehearsals.ts';
import { describeRehearse } from './rehearse.contract.ts';

onDistributedBackends(() => {
  describeRehearse(async () => {
    const shop = await openDistributedShop({ env: SHOP_ENV });
    const { databaseUrl, env } = shop;
    return Object.assign(shop, {
      countAll: async () => ({ ...(await countRows(databaseUrl)), ...(await countKeys(env)) }),
    });
  });
});

/**
 * Of what the service keeps for itself, only the log and the history of its figures grow by a rehearsal. Each process has a counter of its probes, and hashes of
 * refused keys are forgotten two minutes later.
 */
const OTHERS = ['audit_log', 'history', 'leader_leases', 'counters', 'key_refusals', 'service_notes'];

async function countRows(databaseUrl: string): Promise<Record<string, number>> {
  const tables = await askRows<{ name: string }>(
    databaseUrl,
    'SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1',
  );
  const counts = tables
    .filter(({ name }) => !OTHERS.includes(name))
    .map(({ name }) => `SELECT '${name}' AS name, count(*)::int AS rows FROM "${name}"`);
  const rows = await askRows<{ name: string; rows: number }>(databaseUrl, counts.join(' UNION ALL '));
  return Object.fromEntries(rows.map(({ name, rows: count }) => [name, count]));
}

/** Only entries of hidden products: those of real ones come and go by themselves. */
async function countKeys({ REDIS_URL, PULSECART_NAMESPACE }: Readonly<Record<string, string>>) {
  const redis = new Redis(REDIS_URL!);
  try {
    const keys = await redis.keys(`${PULSECART_NAMESPACE}:{p:*`);
    return { hiddenGates: keys.filter((key) => Number(/\{p:(\d+)\}/.exec(key)?.[1]) >= 2 ** 52).length };
  } finally {
    redis.disconnect();
  }
}
