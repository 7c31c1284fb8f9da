import type { BackendUrls, BooksPlace, Config } from './config.ts';
import { systemClock } from './domain/clock.ts';
import { AppError } from './domain/errors.ts';
import type { Check, StoreTools, Wipe } from './ports/backends.ts';
import type { BuyerPayments } from './ports/provider.ts';

/** Adapters for commands that serve nothing: the composition root's other half. */

/** What commands that serve nothing need of a store. */
export async function toolsOf(place: BooksPlace): Promise<StoreTools> {
  return 'dataFolder' in place
    ? (await import('./adapters/sqlite/tools.ts')).sqliteTools(place.dataFolder)
    : (await import('./adapters/postgres/tools.ts')).postgresTools(place.databaseUrl);
}

/**
 * Writes what the embedded backends keep in `folder`, as of one moment, as `pulsecart.db` into `into`, beside a server that may
 * be running; for its owner alone, and on disk. Rejects with AppError `unusable_store` where there is nothing to copy, and
 * `unavailable` when it cannot be written.
 */
export async function copyStore(folder: string, into: string): Promise<{ file: string; atMs: number }> {
  return (await import('./adapters/sqlite/backup.ts')).copyStore(folder, into, systemClock);
}

/** The payment company, where buyers pay there themselves. */
export async function openBuyerPayments({ stripe }: Config): Promise<BuyerPayments | null> {
  if (stripe === null) return null;
  const { openStripe } = await import('./adapters/stripe/stripe.ts');
  return openStripe({ ...stripe, now: systemClock }).buyerPays;
}

/** What this configuration keeps, to be deleted. Rejects with AppError `unusable_store` while a server or a worker uses it. */
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
        // The ledger goes last. Without it the queues would bring a new one purchases that it has never issued, and the gate
        // would know newer versions than it has; without them it is a service after an outage of theirs.
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

/** Each backend is looked at by itself: one that is away must not hide what is wrong with the next. */
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

/** The payment company, where it is not simulated. */
export async function examineProvider({ stripe }: Config): Promise<Check[]> {
  if (stripe === null) return [];
  const { examineStripe } = await import('./adapters/stripe/examine.ts');
  return [await found('Stripe', () => examineStripe({ ...stripe, now: systemClock }))];
}

async function found(name: string, look: () => Promise<Omit<Check, 'name'>>): Promise<Check> {
  try {
    return { name, ...(await look()) };
  } catch (error) {
    return { name, state: 'broken', detail: error instanceof AppError ? error.message : String(error) };
  }
}
