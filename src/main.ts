import { openSimulator } from './adapters/simulator/simulator.ts';
import { audit } from './app/ops/audit.ts';
import type { Engines, OpenBooks, OpenEngines } from './cli/engines.ts';
import { UsageError } from './cli/flags.ts';
import type { Config, EngineUrls } from './config.ts';
import { type Clock, systemClock } from './domain/clock.ts';
import { AppError, isAppError } from './domain/errors.ts';
import { copyStore, examineEngines, openSchema, openShelf, openWipe } from './maintenance.ts';
import type { Log } from './telemetry/log.ts';

/** The one place that knows the adapters of a house that works. Commands get them through the ports. */

const HELP = `pulsecart <command> [options]

  serve    the API and the worker, in one process or in several
  worker   decides queued purchases and charges orders, without an API
  demo     a whole sale on this machine: 100,000 buyers, 1,000 units, one verdict
  rush     the demo's crowd against a server that runs
  bench    how fast, against a server that does nothing
  audit    proves that the books balance, beside running servers or without
  backup   a copy of the data of a server that runs, audited
  doctor   what is set, what can be reached, what is missing
  seed     puts products on sale
  dlq      dead letters: list, replay, discard
  migrate  brings the tables up to date, without serving
  reset    deletes everything, back to a first start

pulsecart <command> --help shows a command's options and an example.`;

/** Adapters are loaded only when they are used: an embedded start should not wait for three network clients. */
const openEngines: OpenEngines = (config, log) =>
  config.engines ? openProduction(config, config.engines, log) : openEmbedded(config, log);

async function openEmbedded(config: Config, log: Log): Promise<Engines> {
  const { openThreadedStore } = await import('./adapters/sqlite/threaded.ts');
  const { openMemoryGate } = await import('./adapters/memory/gate.ts');
  const { openMemoryFeed } = await import('./adapters/memory/feed.ts');
  const clock = systemClock;
  const store = await openThreadedStore(
    config.dataFolder,
    clock,
    (error) => log.warn({ err: error }, 'queue trouble; it is tried again'),
    (error) => {
      if (error instanceof AppError) log.fatal(error.message);
      else log.fatal({ err: error }, 'the store thread has ended');
      process.exit(1);
    },
  );
  const gate = openMemoryGate();
  const feed = openMemoryFeed((error, context) => log.error({ err: error }, context));
  const provider = openSimulator({ ...config.payments });
  const { deskBatches, workerBatches } = config.tuning;
  return {
    ledger: store.ledger,
    queue: store.queue,
    gate,
    feed,
    provider,
    clock,
    // There is one writer: a second batch would only wait for it, and be smaller than it could have been.
    atOnce: { deskBatches: deskBatches ?? 1, publishes: 1, workerBatches: workerBatches ?? 1 },
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

async function openProduction(
  { namespace, tuning, payments, purchaseTimeoutMs }: Config,
  { databaseUrl, redisUrl, rabbitmqUrl }: EngineUrls,
  log: Log,
): Promise<Engines> {
  const { openPostgresLedger } = await import('./adapters/postgres/ledger.ts');
  const { openRedisLink } = await import('./adapters/redis/link.ts');
  const { openRedisGate } = await import('./adapters/redis/gate.ts');
  const { createBreaker } = await import('./adapters/redis/breaker.ts');
  const { openRedisFeed } = await import('./adapters/redis/feed.ts');
  const { openRabbitQueue } = await import('./adapters/rabbitmq/queue.ts');
  const onTrouble = (error: unknown, context: string) => log.warn({ err: error }, context);
  const onQueueTrouble = (error: unknown) => log.warn({ err: error }, 'queue trouble; it is tried again');
  const onBug = (error: unknown, context: string) => log.error({ err: error }, context);
  const opened: { close(): Promise<void> }[] = [];
  async function open<T extends { close(): Promise<void> }>(opening: Promise<T>): Promise<T> {
    const engine = await opening;
    opened.unshift(engine);
    return engine;
  }
  const close = async () => {
    for (const engine of opened.splice(0)) await engine.close();
  };
  const deskBatches = tuning.deskBatches ?? DESK_BATCHES;
  const workerBatches = tuning.workerBatches ?? WORKER_BATCHES;
  const poolSize = tuning.databasePool ?? deskBatches + workerBatches + OTHER_CONNECTIONS;
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
      atOnce: { deskBatches, publishes: PUBLISHES, workerBatches },
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

/** Batches on their way to PostgreSQL at once: while one waits for the disk the next one is decided. */
const DESK_BATCHES = 2;
const WORKER_BATCHES = 2;
/** Messages of accepted purchases that wait for RabbitMQ's confirm. More would only be smaller. */
const PUBLISHES = 2;
/** For settlement, reads, the sweeps and probes, so that none of them waits behind batches. */
const OTHER_CONNECTIONS = 6;

const openBooks: OpenBooks = async (place, atMs) => {
  const opened =
    'databaseUrl' in place
      ? await openPostgresBooks(place.databaseUrl)
      : await openSqliteBooks(place.dataFolder, atMs === undefined ? systemClock : () => atMs);
  const { books } = opened;
  return { ...opened, customersOf: books.customersOf, audit: async () => audit(await books.read()) };
};

async function openSqliteBooks(dataFolder: string, clock: Clock) {
  const { openStoreReadOnly } = await import('./adapters/sqlite/store.ts');
  const adapter = {
    ...(await import('./adapters/sqlite/ledger.ts')),
    ...(await import('./adapters/sqlite/ledger/books.ts')),
  };
  const store = openStoreReadOnly(dataFolder);
  const ledger = adapter.openSqliteLedger(store, systemClock);
  return {
    product: ledger.product,
    find: ledger.find,
    books: adapter.openSqliteBooks(store, clock),
    async close() {
      store.close();
    },
  };
}

async function openPostgresBooks(databaseUrl: string) {
  return (await import('./adapters/postgres/books.ts')).openPostgresBooks(databaseUrl);
}

/** Each command is loaded only when it is called: `serve` should not wait for the load generator. */
async function main([command, ...argv]: string[]): Promise<number> {
  switch (command) {
    case 'serve':
      return (await import('./cli/serve.ts')).serve(argv, openEngines);
    case 'instance': // what a supervisor starts; see cli/supervisor.ts
      return (await import('./cli/serve.ts')).serveInstance(argv, openEngines);
    case 'worker':
      return (await import('./cli/worker.ts')).workerCommand(argv, openEngines);
    case 'audit':
      return (await import('./cli/audit.ts')).auditCommand(argv, openBooks);
    case 'backup':
      return (await import('./cli/backup.ts')).backup(argv, { copyStore, openBooks });
    case 'rush':
      return (await import('./cli/rush.ts')).rush(argv);
    case 'migrate':
      return (await import('./cli/migrate.ts')).migrateCommand(argv, openSchema);
    case 'doctor':
      return (await import('./cli/doctor.ts')).doctor(argv, examineEngines);
    case 'seed':
      return (await import('./cli/seed.ts')).seed(argv, openShelf);
    case 'dlq':
      return (await import('./cli/dlq.ts')).dlq(argv);
    case 'reset':
      return (await import('./cli/reset.ts')).reset(argv, openWipe);
    case 'demo':
      return (await import('./cli/demo.ts')).demo(argv, { openBooks });
    case 'bench':
      return (await import('./cli/bench.ts')).bench(argv, { demo: { openBooks } });
    case undefined:
    case 'help':
    case '--help':
    case '-h':
      console.log(HELP);
      return 0;
    default:
      throw new UsageError(
        `There is no command ${JSON.stringify(command)}. Accepted: serve, worker, demo, rush, bench, audit, backup, doctor, seed, dlq, migrate, reset`,
      );
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  // Input of ours is flags and settings.
  process.exitCode = isAppError(error, 'invalid_request') ? 2 : 1;
  console.error(`pulsecart: ${oneLine(error)}`);
}
// Nothing of ours runs any more; what a library may still hold open must not keep the process.
process.exit();

/** What people see of an error: its message. A stack only for a bug. */
function oneLine(error: unknown): string {
  if (error instanceof AppError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
