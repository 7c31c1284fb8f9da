import type {
  CopyStore,
  ExamineEngines,
  Finding,
  OpenSchema,
  OpenShelf,
  OpenWipe,
  Wipe,
} from './cli/engines.ts';
import type { Config, EngineUrls } from './config.ts';
import { systemClock } from './domain/clock.ts';
import { AppError } from './domain/errors.ts';

/** The adapters of commands that serve nobody: they look after a house, mostly one that is closed. */

export const openSchema: OpenSchema = async (where) => {
  if ('dataFolder' in where) {
    const { dataFolder } = where;
    const { examineStore, migrateStore } = await import('./adapters/sqlite/examine.ts');
    const { schema, latestSchema } = examineStore(dataFolder);
    return {
      place: `in the folder ${dataFolder}`,
      version: schema,
      latest: latestSchema,
      migrate: async () => migrateStore(dataFolder),
      async close() {},
    };
  }
  const { examineDatabase, migrateDatabase } = await import('./adapters/postgres/examine.ts');
  const { place, schema, latestSchema } = await examineDatabase(where.databaseUrl);
  return {
    place: `in the PostgreSQL database ${place}`,
    version: schema,
    latest: latestSchema,
    migrate: () => migrateDatabase(where.databaseUrl),
    async close() {},
  };
};

export const openShelf: OpenShelf = async (where) => {
  if ('dataFolder' in where) {
    const { dataFolder } = where;
    const { openStore } = await import('./adapters/sqlite/store.ts');
    const { openSqliteLedger } = await import('./adapters/sqlite/ledger.ts');
    const store = openStore(dataFolder);
    const { product, createProduct } = openSqliteLedger(store, systemClock);
    return { place: `in the folder ${dataFolder}`, product, createProduct, close: async () => store.close() };
  }
  const { openPostgresLedger } = await import('./adapters/postgres/ledger.ts');
  const { ledger } = await openPostgresLedger({ url: where.databaseUrl, poolSize: 1, onTrouble: () => {} });
  const { product, createProduct, close } = ledger;
  return { place: 'in the PostgreSQL database that DATABASE_URL names', product, createProduct, close };
};

export const copyStore: CopyStore = async (folder, into) =>
  (await import('./adapters/sqlite/backup.ts')).copyStore(folder, into, systemClock);

export const openWipe: OpenWipe = (config) =>
  config.engines ? openProductionWipe(config, config.engines) : openEmbeddedWipe(config);

async function openEmbeddedWipe({ dataFolder }: Config): Promise<Wipe> {
  const store = (await import('./adapters/sqlite/wipe.ts')).openStoreWipe(dataFolder);
  return {
    place: `in the folder ${dataFolder}`,
    belongings: async () => store.belongings(),
    wipe: async () => store.wipe(),
    close: async () => store.close(),
  };
}

async function openProductionWipe({ namespace }: Config, urls: EngineUrls): Promise<Wipe> {
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
      belongings: async () => [...(await ledger.belongings()), ...(await broker.belongings())],
      async wipe() {
        await ledger.requireUnused();
        // The ledger goes last. Without it the queues would bring a new one purchases that it has never issued, and the gate
        // would know newer versions than it has; without them it is a house after an outage of theirs.
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

/** Each engine is looked at by itself: one that is away must not hide what is wrong with the next. */
export const examineEngines: ExamineEngines = ({ engines, dataFolder, namespace }) =>
  engines === null
    ? Promise.all([found('SQLite', () => examineFolder(dataFolder))])
    : Promise.all([
        found('PostgreSQL', () => examinePostgres(engines.databaseUrl)),
        found('Redis', () => examineRedis(engines.redisUrl, namespace)),
        found('RabbitMQ', () => examineRabbit(engines.rabbitmqUrl, namespace)),
      ]);

async function found(name: string, look: () => Promise<Omit<Finding, 'name'>>): Promise<Finding> {
  try {
    return { name, ...(await look()) };
  } catch (error) {
    return { name, state: 'broken', detail: error instanceof AppError ? error.message : String(error) };
  }
}

async function examineFolder(dataFolder: string): Promise<Omit<Finding, 'name'>> {
  const store = (await import('./adapters/sqlite/examine.ts')).examineStore(dataFolder);
  const use = store.inUse ? 'a server is using it' : 'no server is using it';
  const what = store.schema === 0 ? 'nothing there yet' : `${schemaText(store)}, ${use}`;
  return { state: 'ok', detail: `${store.sqliteVersion}, data in ${dataFolder}: ${what}` };
}

/** A clock that is further off than this opens and closes sales at moments that surprise people. */
const CLOCK_AHEAD_MS_MAX = 1_000;

async function examinePostgres(databaseUrl: string): Promise<Omit<Finding, 'name'>> {
  const database = await (await import('./adapters/postgres/examine.ts')).examineDatabase(databaseUrl);
  const { serverVersion, place, clockAheadMs } = database;
  const clock = `its clock is ${Math.abs(clockAheadMs)} ms ${clockAheadMs < 0 ? 'behind' : 'ahead'}`;
  return {
    state: Math.abs(clockAheadMs) > CLOCK_AHEAD_MS_MAX ? 'note' : 'ok',
    detail: `${serverVersion} at ${place}: ${schemaText(database)}, ${clock}`,
  };
}

function schemaText({
  schema,
  latestSchema,
}: {
  readonly schema: number;
  readonly latestSchema: number;
}): string {
  if (schema === 0) return 'no tables yet, the first start makes them';
  return schema === latestSchema
    ? `schema ${schema}`
    : `schema ${schema} of ${latestSchema}, the next start brings it up to date`;
}

async function examineRedis(redisUrl: string, namespace: string): Promise<Omit<Finding, 'name'>> {
  const link = await (await import('./adapters/redis/link.ts')).openRedisLink(redisUrl);
  try {
    // Opening the gate tries its script, and so its rights.
    await (await (await import('./adapters/redis/gate.ts')).openRedisGate(link, { namespace })).close();
    return { state: 'ok', detail: `${await link.serverVersion()} at ${link.at}` };
  } finally {
    await link.close();
  }
}

async function examineRabbit(rabbitmqUrl: string, namespace: string): Promise<Omit<Finding, 'name'>> {
  const { connectOnce, readTarget, serverVersionOf } = await import('./adapters/rabbitmq/connect.ts');
  const target = readTarget(rabbitmqUrl);
  const connection = await connectOnce(target, `${namespace} doctor`);
  const detail = `${serverVersionOf(connection)}, ${target.shown}`;
  await connection.close();
  return { state: 'ok', detail };
}
