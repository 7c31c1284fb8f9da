import { randomBytes } from 'node:crypto';
import { inSchema } from '../src/lib/database-url.ts';
import { collectArtifacts, makeArtifactsFolder } from './artifacts.ts';
import { askVersions } from './engine-versions.ts';
import type { EnginesCpuMs, Environment, Environments } from './environment.ts';
import { undoneWhenInterrupted } from './interrupted.ts';
import { readUsage } from './process-usage.ts';
import { killServers, startServer, startWorker } from './server-process.ts';
import { startPrivateEngines } from './services/engines.ts';
import { ENGINE_NAMES, type PrivateEngines } from './services/private-engine.ts';
import { dumpTables, runStatement } from './tables.ts';

/** The engines rest when they use less than this of a core; idle, the three together use 1 or 2 %. */
const REST_CPU_PCT = 10;
const REST_LOOK_MS = 200;
/** A checkpoint or a vacuum may take longer, and is then part of what is measured. */
const REST_TIMEOUT_MS = 15_000;

/**
 * Private engines for all environments; each environment is a database, and a namespace in Redis and RabbitMQ. The database goes with
 * its environment. The queues stay until the broker ends: idle, those of one environment cost it a thousandth of a core.
 */
export async function openDistributedEnvironments(): Promise<Environments> {
  const starting = startPrivateEngines();
  const isClosed = undoneWhenInterrupted(async () => {
    await killServers();
    await (await starting).close();
  });
  const engines = await starting;
  try {
    const versions = await askVersions(engines);
    return {
      engines: { ...versions, payments: 'simulator' },
      open: () => openEnvironment(engines),
      async close() {
        isClosed();
        await engines.close();
      },
    };
  } catch (error) {
    await engines.close();
    throw error;
  }
}

async function openEnvironment(engines: PrivateEngines): Promise<Environment> {
  const name = `stage_${randomBytes(4).toString('hex')}`;
  const administratorUrl = engines.postgres.url;
  await runStatement(administratorUrl, `CREATE DATABASE ${name}`);
  const database = new URL(administratorUrl);
  database.pathname = `/${name}`;
  const databaseUrl = inSchema(database.href, name);
  const own = { ...engines.env, DATABASE_URL: database.href, PULSECART_NAMESPACE: name };
  const enginesCpuMs = () => cpuMsOf(engines);
  const artifacts = collectArtifacts();
  return {
    books: { databaseUrl },
    distributed: {
      databaseUrl,
      redisUrl: engines.redis.url,
      startWorker: (env = {}) => artifacts.of(startWorker({ ...own, ...env })),
    },
    startServer: (env = {}, { instances = 1 } = {}) =>
      artifacts.of(startServer({ env: { ...own, ...env }, instances })),
    enginesCpuMs,
    quiet: () => rest(enginesCpuMs),
    async keep(findings) {
      const folder = await makeArtifactsFolder();
      await artifacts.write(folder, findings);
      await dumpTables(databaseUrl, folder);
      return folder;
    },
    async close() {
      // Where PostgreSQL does not answer any more, that is not what went wrong first; and the data goes with it.
      await runStatement(administratorUrl, `DROP DATABASE ${name} WITH (FORCE)`).catch(() => {});
    },
  };
}

function cpuMsOf(engines: PrivateEngines): EnginesCpuMs | null {
  const usages = ENGINE_NAMES.map((name) => [name, readUsage(engines[name].processes())?.cpuMs] as const);
  return usages.every(([, cpuMs]) => cpuMs !== undefined)
    ? (Object.fromEntries(usages) as EnginesCpuMs)
    : null;
}

async function rest(enginesCpuMs: () => EnginesCpuMs | null): Promise<void> {
  const deadline = performance.now() + REST_TIMEOUT_MS;
  for (let before = total(enginesCpuMs()); before !== null; ) {
    await Bun.sleep(REST_LOOK_MS);
    const now = total(enginesCpuMs());
    if (now === null || performance.now() > deadline) return;
    if (now - before < (REST_CPU_PCT / 100) * REST_LOOK_MS) return;
    before = now;
  }
}

function total(cpuMs: EnginesCpuMs | null): number | null {
  return cpuMs && Object.values(cpuMs).reduce((sum, one) => sum + one, 0);
}
