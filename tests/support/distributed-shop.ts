import { Client } from 'pg';
import { type Env, type ServerProcess, startServer, startWorker } from '../../bench/server-process.ts';
import { familyOf } from '../../bench/services/processes.ts';
import { inSchema } from '../../src/lib/database-url.ts';
import { readPostgresBooks } from './books.ts';
import { createCaller } from './caller.ts';
import { ownBackends } from './own-backends.ts';
import type { Shop } from './shop.ts';

/** Real server processes on distributed backends. `await using` ends them. */
export interface DistributedShop extends Shop {
  /** Where the backends are, and what the test asked for. */
  readonly env: Env;
  readonly databaseUrl: string;
  /** Every worker that was ever started, the newest last. */
  readonly workers: readonly ServerProcess[];
  /** Processes that serve the API now; `server` is their supervisor where it is several. */
  instances(): number[];
  addWorker(env?: Env): Promise<ServerProcess>;
  /** The log lines and messages of all processes. */
  logs(): string;
}

export interface ProductionShopOptions {
  /** DATABASE_URL, REDIS_URL and RABBITMQ_URL. Otherwise the backends that all tests share, and names of one's own there. */
  readonly backends?: Env;
  /** Settings of every process. */
  readonly env?: Env;
  /** Processes of the API. */
  readonly instances?: number;
  /** Processes that do nothing but decide and charge. */
  readonly workers?: number;
}

export async function openDistributedShop(options: ProductionShopOptions = {}): Promise<DistributedShop> {
  const { instances = 1 } = options;
  const toClose = new AsyncDisposableStack();
  const backends = options.backends ?? toClose.use(await ownBackends()).env;
  const env = { ...backends, ...options.env };
  const databaseUrl = inSchema(env.DATABASE_URL!, env.PULSECART_NAMESPACE ?? 'pulsecart');
  const workers: ServerProcess[] = [];
  const replaced: ServerProcess[] = [];
  let server = await startServer({ env, instances }).catch(async (error) => {
    await toClose.disposeAsync();
    throw error;
  });

  async function addWorker(more: Env = {}): Promise<ServerProcess> {
    const worker = await startWorker({ ...env, ...WORKER_ROLES, ...more });
    workers.push(worker);
    return worker;
  }

  const shop: DistributedShop = {
    ...createCaller(() => server),
    get url() {
      return server.url;
    },
    get server() {
      return server;
    },
    env,
    databaseUrl,
    workers,
    instances: () => familyOf(server.pid).filter((pid) => instances === 1 || pid !== server.pid),
    addWorker,
    async restart(newEnv = options.env ?? {}) {
      const exit = await server.stop();
      replaced.push(server);
      const port = Number(new URL(server.url).port);
      server = await startServer({ env: { ...backends, ...newEnv }, instances, port });
      return exit;
    },
    readBooks: () => readPostgresBooks(databaseUrl),
    holdWrites: () => holdWrites(databaseUrl),
    logs: () =>
      [...replaced, server, ...workers]
        .map(({ pid, log, messages }) => `${pid}:\n${log()}${messages()}`)
        .join('\n'),
    async [Symbol.asyncDispose]() {
      await Promise.all([server, ...workers].map((process) => process.kill()));
      await toClose.disposeAsync();
    },
  };
  try {
    for (let i = 0; i < (options.workers ?? 0); i++) await addWorker();
    return shop;
  } catch (error) {
    await shop[Symbol.asyncDispose]();
    throw error;
  }
}

const WORKER_ROLES = { PULSECART_WORKER: 'on', PULSECART_PAYMENTS: 'on' };

/** Lets the tables be read; whoever wants to change the hot one waits. */
async function holdWrites(databaseUrl: string): Promise<AsyncDisposable> {
  const client = new Client({ connectionString: databaseUrl });
  client.on('error', () => {});
  await client.connect();
  await client.query('BEGIN; LOCK TABLE products IN EXCLUSIVE MODE');
  return { [Symbol.asyncDispose]: () => client.end() };
}
