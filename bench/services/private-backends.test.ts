import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConfirmChannel, connect } from 'amqplib';
import { Glob } from 'bun';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { distributedBackends, ownDatabase, ownRabbit, ownRedis } from '../../tests/support/backends.ts';
import { isRunning } from '../../tests/support/processes.ts';
import { until } from '../../tests/support/until.ts';
import { postgres } from './postgres.ts';
import { BACKEND_NAMES, type PrivateBackends } from './private-backend.ts';
import { startPrivateBackend, startPrivateBackends } from './private-backends.ts';
import { familyOf } from './processes.ts';
import { rabbitmq } from './rabbitmq.ts';
import { redis } from './redis.ts';

/** Starting Erlang beside everything else that a whole test run does. */
const START_TIMEOUT_MS = 120_000;
const SPECS = { postgres, redis, rabbitmq };

describe.skipIf(!distributedBackends)('private backends', () => {
  let backends: PrivateBackends;
  beforeAll(async () => {
    backends = await startPrivateBackends();
  }, START_TIMEOUT_MS);
  afterAll(async () => backends?.close());

  test('all three answer, on ports of their own, beside the set that the whole test run shares', async () => {
    const shared = [await ownDatabase(), await ownRedis(), await ownRabbit()];
    const own = BACKEND_NAMES.map((name) => backends[name]);
    const ports = [...shared, ...own].map(({ url }) => new URL(url).port);
    expect(new Set(ports).size).toBe(6);
    expect(Object.values(backends.env)).toEqual(own.map(({ url }) => url));
    for (const name of BACKEND_NAMES) expect(await SPECS[name].whoAnswers(backends[name].port)).not.toBe('');
    await Promise.all(shared.map((one) => one.close()));
  });

  test('PostgreSQL keeps what it committed over a crash', async () => {
    await inDatabase(backends.postgres.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await backends.postgres.kill();
    expect(await isFree(backends.postgres.port)).toBe(true);
    await backends.postgres.restart();
    expect(await inDatabase(backends.postgres.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  test('PostgreSQL syncs every commit to the disk', async () => {
    const settings = "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes')";
    expect(await inDatabase(backends.postgres.url, `${settings} OR name = 'synchronous_commit'`)).toEqual([
      { name: 'fsync', setting: 'on' },
      { name: 'full_page_writes', setting: 'on' },
      { name: 'synchronous_commit', setting: 'on' },
    ]);
  });

  test('Redis is empty after a crash', async () => {
    await inRedis(backends.redis.url, (client) => client.set('key', 'value'));
    await backends.redis.kill();
    await backends.redis.restart();
    expect(await inRedis(backends.redis.url, (client) => client.dbsize())).toBe(0);
  });

  test(
    'RabbitMQ keeps what it confirmed to a quorum queue over a crash',
    async () => {
      const quorum = { durable: true, arguments: { 'x-queue-type': 'quorum' } };
      await inBroker(backends.rabbitmq.url, async (channel) => {
        await channel.assertQueue('kept', quorum);
        channel.sendToQueue('kept', Buffer.from('forty-two'), { persistent: true });
        await channel.waitForConfirms();
      });
      await until(() => knowsQueue('kept'));
      await backends.rabbitmq.kill();
      await backends.rabbitmq.restart();
      await inBroker(backends.rabbitmq.url, async (channel) => {
        const message = await channel.get('kept', { noAck: true });
        expect(message && `${message.content}`).toBe('forty-two');
      });
    },
    START_TIMEOUT_MS,
  );

  test('a paused backend keeps silent until it is resumed', async () => {
    await Promise.all(
      BACKEND_NAMES.map(async (name) => {
        const { port, pause, resume } = backends[name];
        const ask = () => SPECS[name].whoAnswers(port);
        pause();
        await expect(ask()).rejects.toThrow();
        resume();
        await until(() => ask().then(Boolean, () => false));
      }),
    );
  });

  test('a backend that is killed while it is paused starts again', async () => {
    backends.postgres.pause();
    await backends.postgres.kill();
    await backends.postgres.restart();
    expect(await inDatabase(backends.postgres.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('nothing is left of a backend that was closed, a killed one included', async () => {
    const before = familyOf(process.pid);
    const backend = await startPrivateBackend('postgres');
    const pids = familyOf(process.pid).filter((pid) => !before.includes(pid));
    const folders = foldersOf(process.pid).length;
    expect(sharedMemoryOf(pids)).toHaveLength(1);
    await backend.kill();
    await backend.close();
    expect(await isFree(backend.port)).toBe(true);
    expect(sharedMemoryOf(pids)).toEqual([]);
    expect(foldersOf(process.pid)).toHaveLength(folders - 1);
  });

  test(
    'nothing is left of backends, paused ones included, whose starter was killed',
    async () => {
      const starter = Bun.spawn([process.execPath, '-e', STARTER], { stdout: 'pipe', stderr: 'inherit' });
      const { pids, ports } = JSON.parse(await firstLine(starter.stdout)) as Record<string, number[]>;
      expect(pids!.length).toBeGreaterThan(10);
      expect(sharedMemoryOf(pids!)).toHaveLength(1);
      starter.kill('SIGKILL');
      await until(() => !pids!.some(isRunning), START_TIMEOUT_MS);
      expect(sharedMemoryOf(pids!)).toEqual([]);
      for (const port of ports!) expect(await isFree(port)).toBe(true);

      expect(foldersOf(starter.pid)).toHaveLength(3);
      await (await startPrivateBackend('redis')).close();
      expect(foldersOf(starter.pid)).toEqual([]);
    },
    START_TIMEOUT_MS,
  );
});

/** Starts a set, freezes one of it, and says what there is to look for. */
const STARTER = `
  const { startPrivateBackends } = await import('${import.meta.dir}/private-backends.ts');
  const { familyOf } = await import('${import.meta.dir}/processes.ts');
  const { postgres, redis, rabbitmq } = await startPrivateBackends();
  const [, ...pids] = familyOf(process.pid);
  postgres.pause();
  console.log(JSON.stringify({ pids, ports: [postgres.port, redis.port, rabbitmq.port] }));
  await new Promise(() => setInterval(() => {}, 60_000));
`;

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = '';
  for await (const bytes of stream) {
    text += new TextDecoder().decode(bytes);
    if (text.includes('\n')) break;
  }
  return text.split('\n', 1)[0]!;
}

/**
 * Whether the broker has written down that it has this queue. It does so within a second or two; a quorum queue whose
 * broker (3.10) dies before that does not answer any more.
 */
function knowsQueue(name: string): boolean {
  const [folder] = foldersOf(process.pid).filter((each) => each.includes('rabbitmq'));
  const [file] = new Glob('data/*/quorum/*/names.dets').scanSync(join(tmpdir(), folder!));
  return readFileSync(join(tmpdir(), folder!, file!), 'latin1').includes(name);
}

function foldersOf(pid: number): string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith(`pulsecart-engine-${pid}-`));
}

/** Segments of System V shared memory that one of these has made (proc(5), sysvipc). */
function sharedMemoryOf(pids: readonly number[]): number[] {
  const [, ...segments] = readFileSync('/proc/sysvipc/shm', 'utf8').trim().split('\n');
  return segments.map((line) => Number(line.trim().split(/\s+/)[4])).filter((maker) => pids.includes(maker));
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false));
    server.listen({ host: '127.0.0.1', port }, () => server.close(() => resolve(true)));
  });
}

async function inDatabase(url: string, query: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(query)).rows;
  } finally {
    await client.end();
  }
}

async function inRedis<T>(url: string, use: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url);
  try {
    return await use(client);
  } finally {
    client.disconnect();
  }
}

async function inBroker(url: string, use: (channel: ConfirmChannel) => Promise<void>): Promise<void> {
  const connection = await connect(url);
  try {
    await use(await connection.createConfirmChannel());
  } finally {
    await connection.close();
  }
}
