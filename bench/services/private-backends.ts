import { AppError } from '../../src/domain/errors.ts';
import { fetchImage, hasDocker, startInDocker } from './docker.ts';
import { startNative } from './native.ts';
import { postgres } from './postgres.ts';
import {
  BACKEND_NAMES,
  type BackendName,
  type PrivateBackend,
  type PrivateBackends,
} from './private-backend.ts';
import { rabbitmq } from './rabbitmq.ts';
import { redis } from './redis.ts';
import type { ServiceSpec } from './spec.ts';

/** Starts all three concurrently. Rejects `unavailable` when one cannot be started; then none stays behind. */
export async function startPrivateBackends(): Promise<PrivateBackends> {
  const start = await provide(BACKEND_NAMES);
  const starts = await Promise.allSettled(BACKEND_NAMES.map(start));
  const backends = starts.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const close = async () => {
    await Promise.all(backends.map((backend) => backend.close()));
  };
  const [database, gate, queue] = backends;
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

export async function startPrivateBackend(name: BackendName): Promise<PrivateBackend> {
  const start = await provide([name]);
  return start(name);
}

/** Makes sure that they can be started, perhaps by downloading images. Rejects `unavailable` when one cannot be found. */
export async function findPrivateBackends(): Promise<void> {
  await provide(BACKEND_NAMES);
}

const SPECS: Readonly<Record<BackendName, ServiceSpec>> = { postgres, redis, rabbitmq };

/** Debian's packages of the missing ones. */
export function missingPackages(): string[] {
  return BACKEND_NAMES.filter((name) => !isInstalled(SPECS[name])).map((name) => SPECS[name].packageName);
}

/** Finds a way to run these backends: their programs where they are installed, else Docker. */
async function provide(
  names: readonly BackendName[],
): Promise<(name: BackendName) => Promise<PrivateBackend>> {
  const fromDocker = names.filter((name) => !isInstalled(SPECS[name]));
  if (fromDocker.length > 0 && !hasDocker()) throw cannotBeHad(fromDocker);
  await Promise.all(fromDocker.map((name) => fetchImage(SPECS[name].image.name)));
  return (name) =>
    fromDocker.includes(name) ? startInDocker(name, SPECS[name]) : startNative(name, SPECS[name]);
}

/** Its programs are installed, on a system with Linux's /proc. */
function isInstalled({ native }: ServiceSpec): boolean {
  return process.platform === 'linux' && Bun.which('setpriv') !== null && native.isInstalled();
}

function cannotBeHad(names: readonly BackendName[]): AppError {
  const are = names.length === 1 ? 'is' : 'are';
  const packages = names.map((name) => SPECS[name].packageName).join(' ');
  return new AppError(
    'unavailable',
    `${names.join(', ')} ${are} needed and not here, and no Docker engine answers. ` +
      `Either run \`sudo apt-get install ${packages}\`, or start Docker.`,
  );
}
