import { Redis } from 'ioredis';
import type { NativeEngine } from './native.ts';

const ANSWER_TIMEOUT_MS = 1_000;

/** Redis, or Valkey in its place. It persists nothing: nothing is asked of it. */
export const redis: NativeEngine = {
  account: 'redis',
  isInstalled: () => program() !== null,
  ports: 1,
  url: ({ ports }) => `redis://127.0.0.1:${ports[0]}/0`,
  initialise() {},

  start({ folder, ports, spawn }) {
    const where = ['--bind', '127.0.0.1', '--port', `${ports[0]}`, '--dir', folder];
    return [spawn([program()!, ...where, '--save', '', '--appendonly', 'no'])];
  },

  async isUp({ folder, ports }) {
    const client = new Redis(ports[0]!, '127.0.0.1', {
      lazyConnect: true,
      connectTimeout: ANSWER_TIMEOUT_MS,
      commandTimeout: ANSWER_TIMEOUT_MS,
      retryStrategy: () => null,
    });
    client.on('error', () => {});
    try {
      await client.connect();
      const [, dir] = (await client.config('GET', 'dir')) as string[];
      return dir === folder;
    } finally {
      client.disconnect();
    }
  },
};

function program(): string | null {
  return Bun.which('redis-server') ?? Bun.which('valkey-server');
}
