import { expect, test } from 'bun:test';
import { Client } from 'pg';
import { readDocument } from '../docs/documents.ts';
import { onDistributedBackends } from '../support/backends.ts';
import { openDistributedShop } from '../support/distributed-shop.ts';
import { eventually } from '../support/shop.ts';

/**
 * PostgreSQL goes back to an earlier moment, while RabbitMQ, Redis and the buyers are of now: what docs/operating/postgresql.md
 * says about it.
 */

const TIMEOUT_MS = 90_000;
const UNITS = 10;

onDistributedBackends(() => {
  test(
    'PostgreSQL can be restored while RabbitMQ and Redis are of a later moment',
    async () => {
      await using shop = await openDistributedShop({ env: { PULSECART_PAYMENTS: 'off' } });
      const request = { productId: 1, quantity: 1, userId: 'ada' };
      const orderOf = async (id: string) => (await shop.get(`/api/v1/orders/${id}`)).json;
      const outcomeOf = async (id: string) => (await shop.get(`/api/v1/async/purchase/${id}?wait=5s`)).json;
      const buyWithKey = () => shop.buy('sync', request, { 'Idempotency-Key': 'lost' });

      await shop.reset(request.productId, UNITS);
      const kept = (await shop.buy('sync', request)).json.orderId;
      await shop.server.stop();
      await copyDatabase(shop.databaseUrl);

      // What happens from here on the books will not know. All charges wait in the queue.
      await shop.restart({ PULSECART_PAYMENTS: 'off' });
      const lost = (await buyWithKey()).json.orderId;
      expect((await orderOf(lost)).status).toBe('reserved');
      const forgotten = (await shop.buy('async', request)).json.trackingId;
      expect((await outcomeOf(forgotten)).status).toBe('confirmed');
      await shop.restart({ PULSECART_PAYMENTS: 'off', PULSECART_WORKER: 'off' });
      const queued = (await shop.buy('async', request)).json.trackingId;
      await shop.server.stop();
      await goBack(shop.databaseUrl);
      await shop.restart({});

      expect((await outcomeOf(queued)).status).toBe('confirmed');
      await eventually(async () => (await orderOf(kept)).status === 'paid');
      // It reads pending for as long as it might still be on its way.
      await eventually(async () => (await shop.get(`/api/v1/orders/${lost}`)).status === 404);
      expect((await shop.get(`/api/v1/async/purchase/${forgotten}`)).json.status).toBe('queued');
      const again = await buyWithKey();
      expect(again.status).toBe(200);
      expect(again.json.orderId).not.toBe(lost);
      expect((await orderOf(again.json.orderId)).number).toBe(3);
      expect(again.json.remainingStock).toBe(UNITS - 3);
      await eventually(async () => {
        const { queues, purchases } = (await shop.get('/api/v1/async/queue/status')).json;
        const messages = queues.reduce(
          (sum: number, one: Waiting) => sum + one.ready + one.unacknowledged,
          0,
        );
        return messages === 0 && purchases.accepted === 1 && purchases.decided === 1;
      });
      expect((await shop.readBooks()).breaches).toEqual([]);
    },
    TIMEOUT_MS,
  );
});

interface Waiting {
  readonly ready: number;
  readonly unacknowledged: number;
}

/** A copy of the database as it is, while nobody uses it. */
async function copyDatabase(url: string): Promise<void> {
  const name = nameOf(url);
  await besides(url, `CREATE DATABASE ${name}_copy TEMPLATE ${name}`);
}

/** The copy takes the place of the database. So much time has passed that holds have run out, and they are prolonged. */
async function goBack(url: string): Promise<void> {
  const name = nameOf(url);
  await besides(url, `DROP DATABASE ${name} WITH (FORCE)`, `ALTER DATABASE ${name}_copy RENAME TO ${name}`);
  const [, prolongHolds] = /`(UPDATE orders SET [^`]+)`/.exec(readDocument('docs/operating/postgresql.md'))!;
  await inDatabase(url, 'UPDATE orders SET expires_at = created_at', prolongHolds!);
}

function nameOf(url: string): string {
  return new URL(url).pathname.slice(1);
}

async function besides(url: string, ...statements: string[]): Promise<void> {
  const other = new URL(url);
  other.pathname = '/postgres';
  await inDatabase(other.href, ...statements);
}

async function inDatabase(url: string, ...statements: string[]): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}
