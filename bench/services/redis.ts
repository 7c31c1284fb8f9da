import { Redis } from 'ioredis';
import type { ServiceSpec } from './spec.ts';

const ANSWER_TIMEOUT_MS = 1_000;
/** It persists nothing, because the service needs no persistence from it. */
const VOLATILE = ['--save', '', '--appendonly', 'no'];

/** Redis, or Valkey instead. */
export const redis: ServiceSpec = {
  packageName: 'redis-server',
  image: { name: 'redis:8', port: 6379, options: [], command: ['redis-server', ...VOLATILE] },
  url: (port) => `redis://127.0.0.1:${port}/0`,

  async whoAnswers(port) {
    const client = new Redis(port, '127.0.0.1', {
      lazyConnect: true,
      connectTimeout: ANSWER_TIMEOUT_MS,
      commandTimeout: ANSWER_TIMEOUT_MS,
      retryStrategy: () => null,
    });
    client.on('error', () => {});
    try {
      await client.connect();
      const [, folder] = (await client.config('GET', 'dir')) as string[];
      return folder!;
    } finally {
      client.disconnect();
    }
  },

  native: {
    account: 'redis',
    isInstalled: () => program() !== null,
    endsWith: 'SIGKILL',
    ports: 1,
    self: ({ folder }) => folder,
    initialise() {},
    start({ folder, ports, spawn }) {
      const where = ['--bind', '127.0.0.1', '--port', `${ports[0]}`, '--dir', folder];
      return [spawn([program()!, ...where, ...VOLATILE])];
    },
  },
};

function program(): string | null {
  return Bun.which('redis-server') ?? Bun.which('valkey-server');
}
