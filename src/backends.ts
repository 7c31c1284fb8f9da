import { openSimulator } from './adapters/simulator/simulator.ts';
import type { BackendUrls, BooksPlace, Config } from './config.ts';
import { systemClock } from './domain/clock.ts';
import { AppError } from './domain/errors.ts';
import type { Backends, Check, StoreTools, Wipe } from './ports/backends.ts';
import type { Log } from './telemetry/log.ts';

/**
 * The one place that knows the adapters. They are loaded only when they are used: an embedded start should not wait for three
 * network clients.
 */
export const openBackends = (config: Config, log: Log): Promise<Backends> =>
  config.urls ? openDistributed(config, config.urls, log) : openEmbedded(config, log);

/** The parts of a store for commands without a server. */
export async function toolsOf(place: BooksPlace): Promise<StoreTools> {
  return 'dataFolder' in place
    ? (await import('./adapters/sqlite/tools.ts')).sqliteTools(place.dataFolder)
    : (await import('./adapters/postgres/tools.ts')).postgresTools(place.databaseUrl);
}

/**
 * Copies the embedded backends' data of `folder`, as of one moment, to `pulsecart.db` in `into`, possibly beside a running
 * server; readable by its owner only, and synced to disk. Rejects with AppError `unusable_store` when there is nothing to
 * copy, and `unavailable` when the copy cannot be written.
 */
export async function copyStore(folder: string, into: string): Promise<{ file: string; atMs: number }> {
  return (await import('./adapters/sqlite/backup.ts')).copyStore(folder, into, systemClock);
}

async function openEmbedded(config: Config, log: Log): Promise<Backends> {
  const { openThreadedStore } = await import('./adapters/sqlite/threaded.ts');
  const { openMemoryGate } = await import('./adapters/memory/gate.ts');
  const { openMemoryFeed } = await import('./adapters/memory/feed.ts');
  const clock = systemClock;
  const store = await openThreadedStore(
    config.dataFolder,
    clock,
    (error) => log.warn({ err: error }, 'queue trouble; it will be retried'),
    (error) => {
      if (error instanceof AppError) log.fatal(error.message);
      else log.fatal({ err: error }, 'the store thread has ended');
      process.exit(1);
    },
  );
  const gate = openMemoryGate();
  const feed = openMemoryFeed();
  const provider = openSimulator({ ...config.payments });
  const { purchaseBatches, workerBatches } = config.tuning;
  return {
    ledger: store.ledger,
    queue: store.queue,
    gate,
    feed,
    provider,
    clock,
    // There is one writer: a second batch would only wait for it, and be smaller than necessary.
    atOnce: { purchaseBatches: purchaseBatches ?? 1, publishes: 1, workerBatches: workerBatches ?? 1 },
    names: {
      ledger: 'SQLite',
      gate: 'in process',
      queue: 'SQLite',
      feed: 'in process',
      payments: 'simulator',
    },
    description: `embedded: SQLite + in-process gate, data in ${config.dataFolder}`,
    healthNames: { ledger: 'db', queue: 'queue' },
    async close() {
      await provider.close();
      await feed.close();
      await gate.close();
      await store.close();
    },
  };
}

async function openDistributed(
  { namespace, tuning, payments, purchaseTimeoutMs }: Config,
  { databaseUrl, redisUrl, rabbitmqUrl }: BackendUrls,
  log: Log,
): Promise<Backends> {
  const { openPostgresLedger } = await import('./adapters/postgres/ledger.ts');
  const { openRedisLink } = await import('./adapters/redis/link.ts');
  const { openRedisGate } = await import('./adapters/redis/gate.ts');
  const { createBreaker } = await import('./adapters/redis/breaker.ts');
  const { openRedisFeed } = await import('./adapters/redis/feed.ts');
  const { openRabbitQueue } = await import('./adapters/rabbitmq/queue.ts');
  const onTrouble = (error: unknown, context: string) => log.warn({ err: error }, context);
  const onQueueTrouble = (error: unknown) => log.warn({ err: error }, 'queue trouble; it will be retried');
  const onBug = (error: unknown, context: string) => log.error({ err: error }, context);
  const opened: { close(): Promise<void> }[] = [];
  async function open<T extends { close(): Promise<void> }>(opening: Promise<T>): Promise<T> {
    const backend = await opening;
    opened.unshift(backend);
    return backend;
  }
  const close = async () => {
    for (const backend of opened.splice(0)) await backend.close();
  };
  const purchaseBatches = tuning.purchaseBatches ?? PURCHASE_BATCHES;
  const workerBatches = tuning.workerBatches ?? WORKER_BATCHES;
  const poolSize = tuning.databasePool ?? purchaseBatches + workerBatches + OTHER_CONNECTIONS;
  try {
    const { ledger, clock } = await openPostgresLedger({
      url: databaseUrl,
      poolSize,
      onTrouble,
      timeouts: { connectMs: purchaseTimeoutMs, buyerMs: purchaseTimeoutMs },
    });
    opened.unshift(ledger);
    const redis = await open(openRedisLink(redisUrl));
    const gate = createBreaker(await open(openRedisGate(redis, { namespace })), {
      monotonicMs: () => performance.now(),
      onTrouble: (sentence) => log.warn(sentence),
    });
    const feed = await open(
      openRedisFeed(redis, { namespace, onTrouble: (sentence) => log.warn(sentence), onBug }),
    );
    const queue = await open(
      openRabbitQueue({
        url: rabbitmqUrl,
        namespace,
        onTrouble: onQueueTrouble,
        ...(tuning.prefetch && { prefetch: tuning.prefetch }),
      }),
    );
    const provider = openSimulator({ ...payments });
    opened.unshift(provider);
    return {
      ledger,
      queue,
      gate,
      gateFigures: gate.breaker,
      feed,
      provider,
      clock,
      atOnce: { purchaseBatches, publishes: PUBLISHES, workerBatches },
      names: { ledger: 'PostgreSQL', gate: 'Redis', queue: 'RabbitMQ', feed: 'Redis', payments: 'simulator' },
      description: 'PostgreSQL, Redis and RabbitMQ',
      healthNames: { ledger: 'db', gate: 'redis', queue: 'rabbit' },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Concurrent batches at PostgreSQL: while one waits for the disk the next one is decided. */
const PURCHASE_BATCHES = 2;
const WORKER_BATCHES = 2;
/** Messages of accepted purchases that wait for RabbitMQ's confirm. With more, each would only be smaller. */
const PUBLISHES = 2;
/** For payments, reads, the sweeps and probes, so that none of them waits behind batches. */
const OTHER_CONNECTIONS = 6;

/** This configuration's data, to be deleted. Rejects with AppError `unusable_store` while a server or a worker uses it. */
export const openWipe = (config: Config): Promise<Wipe> =>
  config.urls ? openDistributedWipe(config, config.urls) : openEmbeddedWipe(config);

async function openEmbeddedWipe({ dataFolder }: Config): Promise<Wipe> {
  const store = (await import('./adapters/sqlite/wipe.ts')).openStoreWipe(dataFolder);
  return {
    place: `in the folder ${dataFolder}`,
    contents: async () => store.contents(),
    wipe: async () => store.wipe(),
    close: async () => store.close(),
  };
}

async function openDistributedWipe({ namespace }: Config, urls: BackendUrls): Promise<Wipe> {
  const { openLedgerWipe } = await import('./adapters/postgres/wipe.ts');
  const { openBrokerWipe } = await import('./adapters/rabbitmq/wipe.ts');
  const { openRedisLink } = await import('./adapters/redis/link.ts');
  const { forgetProducts } = await import('./adapters/redis/gate.ts');
  const opened = new AsyncDisposableStack();
  try {
    const ledger = opened.adopt(await openLedgerWipe(urls.databaseUrl), (one) => one.close());
    const broker = opened.adopt(await openBrokerWipe(urls.rabbitmqUrl, namespace), (one) => one.close());
    const redis = opened.adopt(await openRedisLink(urls.redisUrl), (one) => one.close());
    await ledger.requireUnused();
    await broker.requireUnused();
    return {
      place: `in the PostgreSQL database ${ledger.place}, and of ${namespace} in RabbitMQ and Redis`,
      contents: async () => [...(await ledger.contents()), ...(await broker.contents())],
      async wipe() {
        await ledger.requireUnused();
        // The ledger is deleted last. Otherwise the queues would deliver purchases to a new ledger that never issued them, and the
        // gate would have newer versions than it; a ledger without queues and gate is a service after their outage.
        await broker.wipe();
        await forgetProducts(redis, namespace, await ledger.productIds());
        await ledger.wipe();
      },
      close: () => opened.disposeAsync(),
    };
  } catch (error) {
    await opened.disposeAsync();
    throw error;
  }
}

/** Backends are checked independently: one that is down must not hide another one's defect. */
export const examineBackends = ({ urls, dataFolder, namespace }: Config): Promise<Check[]> =>
  urls === null
    ? Promise.all([found('SQLite', async () => (await toolsOf({ dataFolder })).examine())])
    : Promise.all([
        found('PostgreSQL', async () => (await toolsOf(urls)).examine()),
        found('Redis', async () =>
          (await import('./adapters/redis/examine.ts')).examineRedis(urls.redisUrl, namespace),
        ),
        found('RabbitMQ', async () =>
          (await import('./adapters/rabbitmq/examine.ts')).examineRabbit(urls.rabbitmqUrl, namespace),
        ),
      ]);

async function found(name: string, look: () => Promise<Omit<Check, 'name'>>): Promise<Check> {
  try {
    return { name, ...(await look()) };
  } catch (error) {
    return { name, state: 'broken', detail: error instanceof AppError ? error.message : String(error) };
  }
}
