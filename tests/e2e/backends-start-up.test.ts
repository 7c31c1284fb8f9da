import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { connect } from 'amqplib';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { type Env, type ServerProcess, startServer } from '../../bench/server-process.ts';
import { freePorts } from '../../bench/services/ports.ts';
import { startPrivateBackend } from '../../bench/services/private-backends.ts';
import { FIRST_PRODUCTS } from '../../src/domain/product.ts';
import { onDistributedBackends } from '../support/backends.ts';
import { readPostgresBooks } from '../support/books.ts';
import { type Ended, runPulsecart } from '../support/command.ts';
import { type OwnBackends, ownBackends } from '../support/own-backends.ts';

/** A backend that cannot be used is named in one line at the start, by what is wrong with it and without its password. */

/** With what a URL must escape, so that both of its spellings can be looked for. */
const PASSWORD = 'geh3im/pä%ss';
const IN_URL = encodeURIComponent(PASSWORD);
/** Far above what it takes, and far below what an orchestrator waits for before it tries again. */
const SAID_WITHIN_MS = 15_000;
const START_TIMEOUT_MS = 90_000;

describe('settings of the backends that cannot be', () => {
  const whole = {
    DATABASE_URL: `postgres://user:${IN_URL}@127.0.0.1:1/shop`,
    REDIS_URL: `redis://user:${IN_URL}@127.0.0.1:1`,
    RABBITMQ_URL: `amqp://user:${IN_URL}@127.0.0.1:1`,
  };
  for (const missing of Object.keys(whole) as (keyof typeof whole)[]) {
    test(`(no ${missing}) are a mistake of the call`, async () => {
      const { [missing]: _, ...rest } = whole;
      expectOneLine(await serve(rest), 2, new RegExp(`^${missing} is missing: `));
    });
  }

  test('(two of three) name both', async () => {
    const line = /^DATABASE_URL and RABBITMQ_URL are missing: REDIS_URL is set/;
    expectOneLine(await serve({ REDIS_URL: whole.REDIS_URL }), 2, line);
  });

  const schemes: [keyof typeof whole, string, RegExp][] = [
    ['DATABASE_URL', `mysql://user:${IN_URL}@127.0.0.1/shop`, /postgres:\/\/ or postgresql:\/\//],
    ['DATABASE_URL', `user:${IN_URL}@127.0.0.1/shop`, /postgres:\/\/ or postgresql:\/\//],
    ['REDIS_URL', `http://user:${IN_URL}@127.0.0.1`, /redis:\/\/, rediss:\/\//],
    ['RABBITMQ_URL', `mqtt://user:${IN_URL}@127.0.0.1`, /amqp:\/\/ or amqps:\/\//],
  ];
  for (const [name, url, accepted] of schemes) {
    test(`(${name} with ${url.split('user')[0] || 'no scheme'}) say what is accepted`, async () => {
      const ended = await serve({ ...whole, [name]: url });
      expectOneLine(ended, 2, new RegExp(`^${name} must begin with .*${accepted.source}`));
    });
  }

  test('(none) are too few for several processes, and for a worker', async () => {
    expectOneLine(
      await runPulsecart(['serve', '--port', '0', '--instances', '2']),
      2,
      /distributed backends/,
    );
    expectOneLine(await runPulsecart(['worker']), 2, /^A worker needs the distributed backends/);
  });
});

onDistributedBackends(() => {
  let own: OwnBackends;
  let env: Record<'DATABASE_URL' | 'REDIS_URL' | 'RABBITMQ_URL', string> & Env;
  beforeAll(async () => {
    own = await ownBackends();
    env = own.env as typeof env;
  }, START_TIMEOUT_MS);
  afterAll(() => own[Symbol.asyncDispose](), START_TIMEOUT_MS);

  describe('a backend that comes up late is waited for', () => {
    test('by its name, and then served with', async () => {
      const late = await startPrivateBackend('redis');
      try {
        await late.kill();
        const asked = firstCallerAt(late.port);
        const waits = { ...env, REDIS_URL: late.url, PULSECART_BACKENDS_WAIT_MS: '60000' };
        const starting = startServer({ env: waits });
        await asked;
        await late.restart();
        const server = await starting;
        expect(server.log()).toMatch(/"level":40.*waiting for a backend, up to 60 s: Redis /);
        expect(await server.stop()).toBe(0);
      } finally {
        await late.close();
      }
    });

    test('no longer than was said, nor for one that refuses', async () => {
      // Longer than a busy machine takes for the first try, which comes before any wait.
      const waits = { ...env, PULSECART_BACKENDS_WAIT_MS: '3000' };
      const gone = await serve({ ...waits, REDIS_URL: 'redis://127.0.0.1:1' });
      expect(gone).toMatchObject({
        exit: 1,
        stderr: expect.stringMatching(/^pulsecart: Redis .*cannot be reached/),
      });
      expect(gone.stdout.match(/waiting for a backend, up to 3 s: Redis/g)).toHaveLength(1);
      const refused = {
        ...env,
        PULSECART_BACKENDS_WAIT_MS: '600000',
        RABBITMQ_URL: as(env.RABBITMQ_URL, {}),
      };
      expectOneLine(await serve(refused), 1, /RabbitMQ/);
    });
  });

  describe('a backend that cannot be reached stops the start', () => {
    const rows = [
      ['DATABASE_URL', /PostgreSQL/],
      ['REDIS_URL', /Redis/],
      ['RABBITMQ_URL', /RabbitMQ/],
    ] as const;
    for (const [name, backend] of rows) {
      test(`(${name}, nobody listens)`, async () => {
        const [port] = await freePorts(1);
        const ended = await serve({ ...env, [name]: as(env[name], { port: `${port}` }) });
        expectOneLine(ended, 1, backend);
        expect(ended.stderr).toContain(`127.0.0.1:${port}`);
      });

      test(`(${name}, no such host)`, async () => {
        const ended = await serve({ ...env, [name]: as(env[name], { hostname: 'nowhere.invalid' }) });
        expectOneLine(ended, 1, backend);
        expect(ended.stderr).toContain('nowhere.invalid');
      });
    }
  });

  describe('a backend that refuses the user stops the start', () => {
    const user = `locked_${crypto.randomUUID().slice(0, 8)}`;

    test('(PostgreSQL, wrong password)', async () => {
      const locked = await startPrivateBackend('postgres');
      try {
        await inPostgres(locked.url, askForPasswords);
        const ended = await serve({ ...env, DATABASE_URL: as(locked.url, { username: 'postgres' }) });
        expectOneLine(ended, 1, /PostgreSQL.*password/);
      } finally {
        await locked.close();
      }
    });

    test('(PostgreSQL, may not create tables)', async () => {
      await inPostgres(env.DATABASE_URL, async (client) => {
        await client.query(`CREATE ROLE ${user}_reader LOGIN`);
        await client.query('REVOKE CREATE ON SCHEMA public FROM PUBLIC');
      });
      const ended = await serve({
        ...env,
        DATABASE_URL: as(env.DATABASE_URL, { username: `${user}_reader` }),
      });
      expectOneLine(ended, 1, /PostgreSQL.*permission denied/);
    });

    test('(PostgreSQL, no such database)', async () => {
      const ended = await serve({ ...env, DATABASE_URL: as(env.DATABASE_URL, { pathname: '/nowhere' }) });
      expectOneLine(ended, 1, /PostgreSQL.*nowhere/);
    });

    test('(Redis, wrong password)', async () => {
      await inRedis(['ACL', 'SETUSER', user, 'on', '>right', '~*', '&*', '+@all']);
      const ended = await serve({ ...env, REDIS_URL: as(env.REDIS_URL, { username: user }) });
      expectOneLine(ended, 1, /Redis.*password/);
    });

    test('(Redis, may not run scripts)', async () => {
      await inRedis(['ACL', 'SETUSER', user, 'on', `>${PASSWORD}`, '~*', '&*', '+@all', '-@scripting']);
      const ended = await serve({ ...env, REDIS_URL: as(env.REDIS_URL, { username: user }) });
      expectOneLine(ended, 1, /Redis.*does not permit/);
    });

    test('(RabbitMQ, wrong password)', async () => {
      const ended = await serve({ ...env, RABBITMQ_URL: as(env.RABBITMQ_URL, { username: user }) });
      expectOneLine(ended, 1, /RabbitMQ.*refused/);
    });

    test('(RabbitMQ, no such virtual host)', async () => {
      const url = env.RABBITMQ_URL.replace(/\/*$/, '/nowhere');
      expectOneLine(await serve({ ...env, RABBITMQ_URL: url }), 1, /RabbitMQ.*nowhere/);
    });

    test('(RabbitMQ, somebody else has a queue of that name)', async () => {
      const namespace = `${user}_taken`;
      const connection = await connect(env.RABBITMQ_URL);
      const channel = await connection.createChannel();
      await channel.assertQueue(`${namespace}.purchases`, { durable: false, exclusive: false });
      const ended = await serve({ ...env, PULSECART_NAMESPACE: namespace });
      await channel.deleteQueue(`${namespace}.purchases`);
      await connection.close();
      expectOneLine(ended, 1, /RabbitMQ.*purchases/);
    });

    async function inRedis([command, ...values]: [string, ...string[]]): Promise<void> {
      const redis = new Redis(env.REDIS_URL);
      await redis.call(command, ...values);
      redis.disconnect();
    }
  });

  test(
    'a backend that cannot be used is said once, however many processes there are to be, and by a worker, too',
    async () => {
      const wrong = { ...env, RABBITMQ_URL: as(env.RABBITMQ_URL, { username: 'nobody' }) };
      const [several, worker] = await Promise.all([
        runPulsecart(['serve', '--port', '0', '--instances', '2'], wrong),
        runPulsecart(['worker'], wrong),
      ]);
      expectOneLine(several, 1, /RabbitMQ.*refused/);
      expectOneLine(worker, 1, /RabbitMQ.*refused/);
    },
    START_TIMEOUT_MS,
  );

  test(
    'ten servers that start at once on an empty database all begin to serve, on the same five products',
    async () => {
      await using fresh = await ownBackends();
      const started = await Promise.allSettled(
        Array.from({ length: 10 }, () => startServer({ env: fresh.env })),
      );
      const servers = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      try {
        expect(started.filter(({ status }) => status === 'rejected')).toEqual([]);
        for (const server of servers) {
          expect((await fetch(`${server.url}/actuator/health`)).status).toBe(200);
        }
        const { products, breaches } = await readPostgresBooks(fresh.databaseUrl);
        expect(products).toMatchObject(FIRST_PRODUCTS.map(({ id, name }) => ({ id, name, version: 1 })));
        expect(breaches).toEqual([]);
      } finally {
        await Promise.all(servers.map((server: ServerProcess) => server.kill()));
      }
    },
    START_TIMEOUT_MS,
  );
});

/** The URL with these parts, and always with the password that must not be shown. */
function as(url: string, parts: Partial<Pick<URL, 'username' | 'hostname' | 'port' | 'pathname'>>): string {
  return Object.assign(new URL(url), { username: 'user', ...parts, password: IN_URL }).href;
}

/** Trusted until now, everybody needs a password from now on. */
async function askForPasswords(client: Client): Promise<void> {
  await client.query("ALTER ROLE postgres PASSWORD 'right'");
  const { rows } = await client.query("SELECT current_setting('hba_file') AS file");
  const { file } = rows[0] as { file: string };
  await client.query(`COPY (SELECT 'host all all all scram-sha-256') TO '${file}'`);
  await client.query('SELECT pg_reload_conf()');
}

async function inPostgres(url: string, use: (client: Client) => Promise<unknown>): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await use(client).finally(() => client.end());
}

/** Resolves when somebody has called at a port where nothing else listens; the port is free again then. */
function firstCallerAt(port: number): Promise<void> {
  return new Promise((resolve) => {
    const listener = Bun.listen({
      hostname: '127.0.0.1',
      port,
      socket: {
        data() {},
        open(socket) {
          socket.end();
          listener.stop(true);
          resolve();
        },
      },
    });
  });
}

async function serve(env: Env): Promise<Ended> {
  const startedAtMs = performance.now();
  const ended = await runPulsecart(['serve', '--port', '0'], env);
  expect(performance.now() - startedAtMs).toBeLessThan(SAID_WITHIN_MS);
  return ended;
}

/** One line on stderr, nothing on stdout, this exit status, and no secret. */
function expectOneLine({ exit, stdout, stderr }: Ended, status: number, line: RegExp): void {
  expect({ exit, stdout, stderr }).toMatchObject({ exit: status, stdout: '' });
  const lines = stderr.split('\n');
  expect(lines).toEqual([expect.stringMatching(/^pulsecart: /), '']);
  expect(lines[0]!.slice('pulsecart: '.length)).toMatch(line);
  for (const secret of [PASSWORD, IN_URL, 'geh3im']) expect(stderr).not.toContain(secret);
}
