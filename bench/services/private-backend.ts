/**
 * Private backends for tests, `demo` and `bench`: each on a free port of the loopback, with its data in a temporary folder,
 * removed with the process that started it, however that ends.
 */
export const BACKEND_NAMES = ['postgres', 'redis', 'rabbitmq'] as const;
export type BackendName = (typeof BACKEND_NAMES)[number];

export interface PrivateBackend {
  readonly name: BackendName;
  /** e.g. postgres://postgres@127.0.0.1:21234/postgres, redis://127.0.0.1:21235/0, amqp://guest:guest@127.0.0.1:21236 */
  readonly url: string;
  readonly port: number;
  /** Its processes now, to measure their usage; none in a container. */
  processes(): number[];
  /** SIGKILL to all processes of the backend, like a crash. Resolves when they have ended. */
  kill(): Promise<void>;
  /** Starts it again on the same port and data (Redis: empty, it persists nothing). Resolves when it answers. */
  restart(): Promise<void>;
  /** SIGSTOP and SIGCONT to all of its processes. */
  pause(): void;
  resume(): void;
  /** Ends it and removes its data. */
  close(): Promise<void>;
}

export interface PrivateBackends {
  readonly postgres: PrivateBackend;
  readonly redis: PrivateBackend;
  readonly rabbitmq: PrivateBackend;
  /** DATABASE_URL, REDIS_URL and RABBITMQ_URL. */
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}
