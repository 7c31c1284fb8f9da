import { AppError } from '../../src/domain/errors.ts';
import { fetchImage, hasDocker, startInDocker } from './docker.ts';
import type { EngineKind } from './kind.ts';
import { startNative } from './native.ts';
import { postgres } from './postgres.ts';
import { rabbitmq } from './rabbitmq.ts';
import { redis } from './redis.ts';

/**
 * Engines of our own for tests, `demo` and `bench`: each on a free port of the loopback, with its data in a temporary
 * folder, and gone with the process that started it, however that ends.
 */
export const ENGINE_NAMES = ['postgres', 'redis', 'rabbitmq'] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

export interface PrivateEngine {
  readonly name: EngineName;
  /** e.g. postgres://postgres@127.0.0.1:21234/postgres, redis://127.0.0.1:21235/0, amqp://guest:guest@127.0.0.1:21236 */
  readonly url: string;
  readonly port: number;
  /** Its processes now, for those who measure what they use; none where they are a container's. */
  processes(): number[];
  /** SIGKILL to everything of the engine: what a crash looks like. Resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it again on the same port and data (Redis: empty, it persists nothing). Resolves when it answers. */
  restart(): Promise<void>;
  /** SIGSTOP and SIGCONT to all of its processes. */
  freeze(): void;
  thaw(): void;
  /** Ends it and removes its data. */
  close(): Promise<void>;
}

export interface PrivateEngines {
  readonly postgres: PrivateEngine;
  readonly redis: PrivateEngine;
  readonly rabbitmq: PrivateEngine;
  /** DATABASE_URL, REDIS_URL and RABBITMQ_URL. */
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** Starts all three side by side. Rejects `unavailable` when one cannot be had; then none stays behind. */
export async function startPrivateEngines(): Promise<PrivateEngines> {
  const start = await provide(ENGINE_NAMES);
  const starts = await Promise.allSettled(ENGINE_NAMES.map(start));
  const engines = starts.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const close = async () => {
    await Promise.all(engines.map((engine) => engine.close()));
  };
  const [database, gate, queue] = engines;
  if (!database || !gate || !queue) {
    await close();
    throw starts.find((result) => result.status === 'rejected')?.reason;
  }
  return {
    postgres: database,
    redis: gate,
    rabbitmq: queue,
    env: { DATABASE_URL: database.url, REDIS_URL: gate.url, RABBITMQ_URL: queue.url },
    close,
  };
}

export async function startPrivateEngine(name: EngineName): Promise<PrivateEngine> {
  const start = await provide([name]);
  return start(name);
}

/** Makes sure that they can be started, which may mean downloading images. Rejects `unavailable` when one cannot be had. */
export async function findPrivateEngines(): Promise<void> {
  await provide(ENGINE_NAMES);
}

const KINDS: Readonly<Record<EngineName, EngineKind>> = { postgres, redis, rabbitmq };

/** Debian's packages of those that are not here. */
export function missingPackages(): string[] {
  return ENGINE_NAMES.filter((name) => !isInstalled(KINDS[name])).map((name) => KINDS[name].packageName);
}

/** Finds a way to run these engines: their programs where they are installed, else Docker. */
async function provide(names: readonly EngineName[]): Promise<(name: EngineName) => Promise<PrivateEngine>> {
  const fromDocker = names.filter((name) => !isInstalled(KINDS[name]));
  if (fromDocker.length > 0 && !hasDocker()) throw cannotBeHad(fromDocker);
  await Promise.all(fromDocker.map((name) => fetchImage(KINDS[name].image.name)));
  return (name) =>
    fromDocker.includes(name) ? startInDocker(name, KINDS[name]) : startNative(name, KINDS[name]);
}

/** Its programs are here, on a system that tells about processes as Linux does. */
function isInstalled({ native }: EngineKind): boolean {
  return process.platform === 'linux' && Bun.which('setpriv') !== null && native.isInstalled();
}

function cannotBeHad(names: readonly EngineName[]): AppError {
  const are = names.length === 1 ? 'is' : 'are';
  const packages = names.map((name) => KINDS[name].packageName).join(' ');
  return new AppError(
    'unavailable',
    `${names.join(', ')} ${are} needed and not here, and no Docker engine answers. ` +
      `Either run \`sudo apt-get install ${packages}\`, or start Docker.`,
  );
}
