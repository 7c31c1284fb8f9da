import { randomBytes } from 'node:crypto';
import { inSchema } from '../src/lib/database-url.ts';
import { collectArtifacts, makeArtifactsFolder } from './artifacts.ts';
import { askVersions } from './backend-versions.ts';
import type { BackendsCpuMs, Environment, Environments } from './environment.ts';
import { undoneWhenInterrupted } from './interrupted.ts';
import { readUsage } from './process-usage.ts';
import { killServers, startServer, startWorker } from './server-process.ts';
import { BACKEND_NAMES, type PrivateBackends } from './services/private-backend.ts';
import { startPrivateBackends } from './services/private-backends.ts';
import { dumpTables, runStatement } from './tables.ts';

/** The backends count as idle below this share of a core; idle, the three together use 1 or 2 %. */
const REST_CPU_PCT = 10;
const REST_LOOK_MS = 200;
/** A checkpoint or a vacuum may take longer, and is then part of the measurement. */
const REST_TIMEOUT_MS = 15_000;

/**
 * Private backends for all environments; each environment is a database, and a namespace in Redis and RabbitMQ. The database
 * is dropped with its environment. The queues stay until the broker ends: idle, those of one environment cost it a
 * thousandth of a core.
 */
export async function openDistributedEnvironments(): Promise<Environments> {
  const starting = startPrivateBackends();
  const isClosed = undoneWhenInterrupted(async () => {
    await killServers();
    await (await starting).close();
  });
  const backends = await starting;
  try {
    const versions = await askVersions(backends);
    return {
      backends: { ...versions, payments: 'simulator' },
      open: () => openEnvironment(backends),
      async close() {
        isClosed();
        await backends.close();
      },
    };
  } catch (error) {
    await backends.close();
    throw error;
  }
}

async function openEnvironment(backends: PrivateBackends): Promise<Environment> {
  const name = `stage_${randomBytes(4).toString('hex')}`;
  const administratorUrl = backends.postgres.url;
  await runStatement(administratorUrl, `CREATE DATABASE ${name}`);
  const database = new URL(administratorUrl);
  database.pathname = `/${name}`;
  const databaseUrl = inSchema(database.href, name);
  const own = { ...backends.env, DATABASE_URL: database.href, PULSECART_NAMESPACE: name };
  const backendsCpuMs = () => cpuMsOf(backends);
  const artifacts = collectArtifacts();
  return {
    books: { databaseUrl },
    distributed: {
      databaseUrl,
      redisUrl: backends.redis.url,
      startWorker: (env = {}) => artifacts.of(startWorker({ ...own, ...env })),
    },
    startServer: (env = {}, options = {}) =>
      artifacts.of(startServer({ env: { ...own, ...env }, ...options })),
    backendsCpuMs,
    quiet: () => rest(backendsCpuMs),
    async keep(findings) {
      const folder = await makeArtifactsFolder();
      await artifacts.write(folder, findings);
      await dumpTables(databaseUrl, folder);
      return folder;
    },
    async close() {
      // When PostgreSQL does not answer any more, the first failure is another one; and its data is deleted anyway.
      await runStatement(administratorUrl, `DROP DATABASE ${name} WITH (FORCE)`).catch(() => {});
    },
  };
}

function cpuMsOf(backends: PrivateBackends): BackendsCpuMs | null {
  const usages = BACKEND_NAMES.map((name) => [name, readUsage(backends[name].processes())?.cpuMs] as const);
  return usages.every(([, cpuMs]) => cpuMs !== undefined)
    ? (Object.fromEntries(usages) as BackendsCpuMs)
    : null;
}

async function rest(backendsCpuMs: () => BackendsCpuMs | null): Promise<void> {
  const deadline = performance.now() + REST_TIMEOUT_MS;
  for (let before = total(backendsCpuMs()); before !== null; ) {
    await Bun.sleep(REST_LOOK_MS);
    const now = total(backendsCpuMs());
    if (now === null || performance.now() > deadline) return;
    if (now - before < (REST_CPU_PCT / 100) * REST_LOOK_MS) return;
    before = now;
  }
}

function total(cpuMs: BackendsCpuMs | null): number | null {
  return cpuMs && Object.values(cpuMs).reduce((sum, one) => sum + one, 0);
}
