import { expect, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { startServer } from '../../bench/server-process.ts';
import { onDistributedBackends } from '../support/backends.ts';
import { createCaller } from '../support/caller.ts';
import { temporaryFolder } from '../support/folder.ts';
import { ownBackends } from '../support/own-backends.ts';
import { startRepeatingBuyers } from '../support/repeating-buyers.ts';
import { until } from '../support/until.ts';

/** Secrets in files are changed under a running sale, as docs/operating/deploy.md says. */

const BUYERS = 8;
const REPLACED_WITHIN_MS = 40_000;
const OLD_TOKEN = 'operators-of-last-year';
const NEW_TOKEN = 'operators-of-this-year';

onDistributedBackends(() => {
  test(
    'SIGHUP takes new secrets from their files, and no purchase with a key fails of it',
    async () => {
      await using own = await ownBackends();
      const { DATABASE_URL: database, REDIS_URL: redis, ...others } = own.env;
      const name = own.env.PULSECART_NAMESPACE!;
      using folder = temporaryFolder();
      await using sql = await connect(database!);
      await using cache = connectRedis(redis!);
      const files = {
        DATABASE_URL_FILE: write('database', as(database!, `${name}_1`)),
        REDIS_URL_FILE: write('redis', as(redis!, name)),
        PULSECART_OPERATOR_TOKEN_FILE: write('token', OLD_TOKEN),
      };
      await sql.query(`CREATE ROLE ${name}_1 LOGIN PASSWORD 'old'`);
      await sql.query(`GRANT CREATE ON DATABASE ${new URL(database!).pathname.slice(1)} TO ${name}_1`);
      await cache.call('ACL', 'SETUSER', name, 'on', '~*', '&*', '+@all', '>old');
      try {
        const server = await startServer({
          env: { ...others, ...files, PULSECART_PURCHASE_TIMEOUT_MS: '30000' },
          instances: 2,
        });
        await using _ = { [Symbol.asyncDispose]: async () => void (await server.kill()) };
        const shop = createCaller(() => server);
        await expectToken(OLD_TOKEN, 200);
        await expectToken(NEW_TOKEN, 401);
        await shop.call('PUT', '/api/v1/sync/stock/1/reset?stock=1000000', {
          headers: { Authorization: `Bearer ${OLD_TOKEN}` },
        });
        const buyers = startRepeatingBuyers(() => [server.url], 1, BUYERS);

        await sql.query(`CREATE ROLE ${name}_2 LOGIN PASSWORD 'new' IN ROLE ${name}_1`);
        await sql.query(`ALTER ROLE ${name}_2 SET role = '${name}_1'`);
        await cache.call('ACL', 'SETUSER', name, '>new');
        write('database', as(database!, `${name}_2`, 'new'));
        write('redis', as(redis!, name, 'new'));
        write('token', NEW_TOKEN);
        process.kill(server.pid, 'SIGHUP');
        await until(() => server.log().includes('"all instances replaced"'), REPLACED_WITHIN_MS);
        await sql.query(`ALTER ROLE ${name}_1 NOLOGIN PASSWORD NULL`);
        await cache.call('ACL', 'SETUSER', name, '<old');

        const { failed, ids } = await buyers.stop();
        expect(failed).toEqual([]);
        expect(ids.length).toBeGreaterThan(BUYERS);
        const { rows } = await sql.query(
          `SELECT DISTINCT usename FROM pg_stat_activity WHERE usename LIKE '${name}%'`,
        );
        expect(rows).toEqual([{ usename: `${name}_2` }]);
        await expectToken(OLD_TOKEN, 401);
        await expectToken(NEW_TOKEN, 200);
        expect(await cache.call('ACL', 'LOG')).not.toContainEqual(expect.arrayContaining([name]));

        async function expectToken(token: string, status: number): Promise<void> {
          const answer = await shop.get('/api/v1/ops/queues', { Authorization: `Bearer ${token}` });
          expect([token, answer.status]).toEqual([token, status]);
        }
      } finally {
        await sql.query(`DROP OWNED BY ${name}_1 CASCADE`);
        await sql.query(`DROP ROLE IF EXISTS ${name}_2`);
        await sql.query(`DROP ROLE ${name}_1`);
        await cache.call('ACL', 'DELUSER', name);
      }

      function write(file: string, secret: string): string {
        const path = join(folder.path, file);
        writeFileSync(path, `${secret}\n`);
        return path;
      }
    },
    2 * REPLACED_WITHIN_MS,
  );
});

function as(url: string, username: string, password = 'old'): string {
  return Object.assign(new URL(url), { username, password }).href;
}

async function connect(url: string): Promise<Client & AsyncDisposable> {
  const client = new Client({ connectionString: url });
  await client.connect();
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() });
}

function connectRedis(url: string): Redis & AsyncDisposable {
  const redis = new Redis(url);
  return Object.assign(redis, { [Symbol.asyncDispose]: async () => redis.disconnect() });
}
