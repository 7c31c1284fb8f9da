import { AppError } from '../domain/errors.ts';
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

/** One engine process of ours. */
export interface PrivateEngine {
  readonly name: EngineName;
  /** e.g. postgres://postgres@127.0.0.1:21234/postgres, redis://127.0.0.1:21235/0, amqp://guest:guest@127.0.0.1:21236 */
  readonly url: string;
  readonly port: number;
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

const NATIVE = { postgres, redis, rabbitmq };

/** Starts all three side by side. Rejects `unavailable` when one cannot be had; then none stays behind. */
export async function startPrivateEngines(): Promise<PrivateEngines> {
  const started = await Promise.allSettled(ENGINE_NAMES.map(startPrivateEngine));
  const engines = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const close = async () => void (await Promise.all(engines.map((engine) => engine.close())));
  const [database, gate, queue] = engines;
  if (!database || !gate || !queue) {
    await close();
    throw started.find((result) => result.status === 'rejected')?.reason;
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
  if (process.platform !== 'linux')
    throw new AppError('unavailable', `private engines run on Linux, this is ${process.platform}`);
  return startNative(name, NATIVE[name]);
}
