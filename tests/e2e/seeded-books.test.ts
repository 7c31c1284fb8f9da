import { describe, expect, test } from 'bun:test';
import { seedOrders } from '../../bench/seed-orders.ts';
import { readStock } from '../../bench/server-api.ts';
import { startServer } from '../../bench/server-process.ts';
import { askRows } from '../../bench/tables.ts';
import { inSchema } from '../../src/lib/database-url.ts';
import { distributedBackends, ownDatabase, ownRabbit, ownRedis } from '../support/backends.ts';
import { runPulsecart } from '../support/command.ts';

describe.skipIf(!distributedBackends)('orders seeded for a measurement', () => {
  test('stand in books that balance, and sales go on behind them', async () => {
    await using backends = await ownBackends();
    const { env } = backends;
    await (await startServer({ env })).stop();
    await seedOrders(inSchema(env.DATABASE_URL, env.PULSECART_NAMESPACE), 3_000);
    const server = await startServer({ env: { ...env, PULSECART_PAYMENTS: 'off' } });
    try {
      expect(await readStock(server.url, 1)).toBe(1_000);
      const response = await fetch(`${server.url}/api/v1/sync/purchase`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ productId: 1, quantity: 1 }),
      });
      const { orderId } = (await response.json()) as { orderId: string };
      const order = await (await fetch(`${server.url}/api/v1/orders/${orderId}`)).json();
      expect(order).toMatchObject({ status: 'reserved', number: 3_001 });
    } finally {
      await server.stop();
    }
    // An index that is appended to is what the measurement is about.
    const ids = await askRows<{ id: string }>(
      inSchema(env.DATABASE_URL, env.PULSECART_NAMESPACE),
      'SELECT id FROM orders ORDER BY number',
    );
    expect(ids.map(({ id }) => id)).toEqual(ids.map(({ id }) => id).toSorted());

    const audit = await runPulsecart(['audit', '--json'], env);
    const report = JSON.parse(audit.stdout);
    const failed = report.verdicts.filter(({ pass }: { pass: boolean }) => !pass);
    expect({ exit: audit.exit, failed }).toEqual({ exit: 0, failed: [] });
    expect(report.verdicts[0].detail).toBe('4000 = 3000 sold + 1 reserved + 999 available');
  }, 60_000);
});

describe.skipIf(!distributedBackends)('audit', () => {
  test('reads the database that DATABASE_URL names, says so, and keeps the password to itself', async () => {
    await using backends = await ownBackends();
    const { env } = backends;
    await (await startServer({ env })).stop();
    const database = new URL(env.DATABASE_URL);
    database.password = 'between-you-and-me';
    const { host, pathname } = database;
    const { exit, stdout, stderr } = await runPulsecart(['audit'], { ...env, DATABASE_URL: database.href });
    expect({ exit, stderr }).toEqual({
      exit: 0,
      stderr: `pulsecart audit: the books are in the PostgreSQL database ${host}${pathname}\n`,
    });
    expect(stdout).toContain('PASS  no oversell of product 1');
    expect(stdout + stderr).not.toContain('between-you-and-me');
  });

  test('reads the folder that --data names, whatever the environment says', async () => {
    const { exit, stderr } = await runPulsecart(['audit', '--data', '/nowhere'], {
      DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
      REDIS_URL: 'redis://127.0.0.1:1',
      RABBITMQ_URL: 'amqp://127.0.0.1:1',
    });
    expect({ exit, stderr }).toEqual({
      exit: 1,
      stderr: 'pulsecart: There is no PulseCart data in /nowhere.\n',
    });
  });
});

/** Names of one's own on the backends that all tests share. */
async function ownBackends() {
  const [database, redis, rabbit] = await Promise.all([ownDatabase(), ownRedis(), ownRabbit()]);
  return {
    env: {
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      RABBITMQ_URL: rabbit.url,
      PULSECART_NAMESPACE: rabbit.namespace,
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([database.close(), redis.close(), rabbit.close()]);
    },
  };
}
