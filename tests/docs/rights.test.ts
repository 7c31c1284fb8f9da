import { expect, test } from 'bun:test';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { openPostgresLedger } from '../../src/adapters/postgres/ledger.ts';
import { inSchema } from '../../src/lib/database-url.ts';
import { onDistributedBackends } from '../support/backends.ts';
import { readPostgresBooks } from '../support/books.ts';
import { runPulsecart } from '../support/command.ts';
import { openDistributedShop } from '../support/distributed-shop.ts';
import { ownBackends } from '../support/own-backends.ts';
import { eventually } from '../support/shop.ts';
import { readDocument } from './documents.ts';

/** The rights that docs/operating names for PostgreSQL and Redis are enough for a sale, and for an audit. */

const TIMEOUT_MS = 60_000;

onDistributedBackends(() => {
  test(
    'a sale and an audit need no more rights than docs/operating names',
    async () => {
      await using own = await ownBackends();
      const { PULSECART_NAMESPACE: name, DATABASE_URL: adminUrl, REDIS_URL: redisUrl } = own.env as Settings;
      await using roles = await makeRoles(adminUrl, name);
      await using user = await makeUser(redisUrl, name);
      const { ledger } = await openPostgresLedger({
        url: inSchema(roles.owner, name),
        poolSize: 1,
      });
      await ledger.close();

      const backends = { ...own.env, DATABASE_URL: roles.app, REDIS_URL: user.url };
      // To have orders told, too: the triggers are made with the owner's rights. Nobody listens at the target.
      const env = {
        PULSECART_WEBHOOK_URLS: 'http://127.0.0.1:9/hook',
        PULSECART_WEBHOOK_SECRET: `whsec_${btoa('0'.repeat(32))}`,
      };
      await using shop = await openDistributedShop({ backends, env });
      await shop.reset(1, 2);
      const request = { productId: 1, quantity: 1, userId: 'ada' };
      const { orderId } = (await shop.buy('sync', request, { 'Idempotency-Key': 'one' })).json;
      const { trackingId } = (await shop.buy('async', request, { 'Idempotency-Key': 'two' })).json;
      for (const id of [orderId, trackingId])
        await eventually(async () => (await shop.get(`/api/v1/orders/${id}`)).json.status === 'paid');
      await eventually(async () => (await shop.get('/api/v1/ops/webhooks')).json.targets[0].waiting === 4);
      const off = `SELECT "${name}".pulsecart_set_webhook_targets('{}', '{}')`;
      await expect(inDatabase(roles.audit, off)).rejects.toThrow('permission denied for webhook_targets');
      // On a busy machine the gate's breaker may have opened for a moment.
      await eventually(
        async () => (await shop.get('/actuator/health')).json.components.redis.status === 'UP',
      );
      expect(await user.refused()).toEqual([]);
      expect((await readPostgresBooks(inSchema(roles.audit, name))).breaches).toEqual([]);

      // The role that serves cannot drop the tables, so a reset by it must not begin with the queues.
      for (const url of [roles.app, roles.stranger]) {
        const reset = await runPulsecart(['reset', '--yes', '--json'], { ...backends, DATABASE_URL: url });
        expect(reset).toMatchObject({ exit: 1, stdout: '' });
        expect(reset.stderr).toMatch(/^pulsecart: The tables .* belong to another role: .*\n$/);
      }
      const { trackingId: later } = (await shop.buy('async', { ...request, productId: 2 })).json;
      await eventually(async () => (await shop.get(`/api/v1/orders/${later}`)).json.status === 'paid');
    },
    TIMEOUT_MS,
  );
});

type Settings = Record<'PULSECART_NAMESPACE' | 'DATABASE_URL' | 'REDIS_URL', string>;

/** Roles and a database as the document makes them, under names of their own. */
async function makeRoles(adminUrl: string, name: string) {
  const rights = readDocument('docs/operating/postgresql.md').split('## Rights')[1]!;
  const [database, roles] = [...rights.matchAll(/^```sql\n(.*?)^```/gms)].map(([, sql]) =>
    sql!.replaceAll(/\bpulsecart(?=\b|_)/g, `${name}_r`),
  );
  const urlOf = (role: string) => {
    const url = new URL(adminUrl);
    return Object.assign(url, { username: role, password: 'secret', pathname: `/${name}_r` }).href;
  };
  for (const statement of statementsOf(database!)) await inDatabase(adminUrl, statement);
  await inDatabase(Object.assign(new URL(adminUrl), { pathname: `/${name}_r` }).href, roles!);
  await inDatabase(adminUrl, `CREATE ROLE ${name}_r_stranger LOGIN PASSWORD 'secret'`);
  return {
    owner: urlOf(`${name}_r`),
    app: urlOf(`${name}_r_app`),
    audit: urlOf(`${name}_r_audit`),
    /** Has no rights at all there. */
    stranger: urlOf(`${name}_r_stranger`),
    async [Symbol.asyncDispose]() {
      await inDatabase(adminUrl, `DROP DATABASE ${name}_r WITH (FORCE)`);
      await inDatabase(adminUrl, `DROP ROLE ${name}_r, ${name}_r_app, ${name}_r_audit, ${name}_r_stranger`);
    },
  };
}

/** The user of the gate and the feed as the document makes it. */
async function makeUser(adminUrl: string, name: string) {
  const [, line] = /^ACL (SETUSER .*)$/m.exec(readDocument('docs/operating/redis.md'))!;
  const admin = new Redis(adminUrl);
  await admin.call('ACL', ...line!.replaceAll('pulsecart', name).split(' '));
  return {
    url: Object.assign(new URL(adminUrl), { username: name, password: 'secret' }).href,
    /** What this user asked for and may not do. */
    async refused(): Promise<unknown[]> {
      const entries = (await admin.call('ACL', 'LOG')) as unknown[][];
      return entries.filter((entry) => entry.includes(name));
    },
    async [Symbol.asyncDispose]() {
      await admin.call('ACL', 'DELUSER', name);
      admin.disconnect();
    },
  };
}

function statementsOf(sql: string): string[] {
  return sql.split(';').filter((statement) => statement.trim() !== '');
}

async function inDatabase(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
