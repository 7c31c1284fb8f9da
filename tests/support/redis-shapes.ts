import { join } from 'node:path';
import type { Subprocess } from 'bun';
import { Redis, type RedisOptions } from 'ioredis';
import { freePorts } from '../../bench/services/ports.ts';
import type { PrivateBackend } from '../../bench/services/private-backend.ts';
import { redis as redisBackend } from '../../bench/services/redis.ts';
import { makeWorkspace, type Workspace } from '../../bench/services/workspace.ts';
import { until } from './until.ts';

/**
 * Redis in the shapes that its URL can name, private to one test file. Each shape is one backend: killing or freezing it
 * takes all of its processes. PULSECART_TEST_REDIS names another program to run, such as Valkey or a newer Redis.
 */

const PROGRAM =
  process.env.PULSECART_TEST_REDIS ||
  Bun.which('redis-server') ||
  Bun.which('valkey-server') ||
  'redis-server';

/** Full of what a URL must escape. */
export const REDIS_PASSWORD = 'p@ss/wörd%';

export type RedisShape = Omit<PrivateBackend, 'name' | 'processes'>;

/** One server. */
export function startRedis(): Promise<RedisShape> {
  return start({
    url: ({ ports }) => `redis://127.0.0.1:${ports[0]}/0`,
    serve: (workspace) => [serve(workspace, 0)],
  });
}

/** One server that wants `REDIS_PASSWORD`. The URL has it, and names another database. */
export function startRedisWithPassword(): Promise<RedisShape> {
  return start({
    url: ({ ports }) => `redis://:${encodeURIComponent(REDIS_PASSWORD)}@127.0.0.1:${ports[0]}/3`,
    serve: (workspace) => [serve(workspace, 0, '--requirepass', REDIS_PASSWORD)],
    client: { password: REDIS_PASSWORD },
  });
}

/** One server that speaks only TLS, with a certificate that it signed itself. The URL names that as its authority. */
export function startRedisWithTls(): Promise<RedisShape> {
  return start({
    url: ({ ports, folder }) => `rediss://127.0.0.1:${ports[0]}?ca=${encodeURIComponent(folder)}/cert.pem`,
    initialise: (workspace) =>
      workspace.run([
        ...['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
        ...['-days', '2', '-keyout', 'key.pem', '-out', 'cert.pem'],
        ...['-subj', '/CN=redis.test', '-addext', 'subjectAltName=IP:127.0.0.1'],
      ]),
    serve: (workspace) => {
      const keys = ['--tls-cert-file', 'cert.pem', '--tls-key-file', 'key.pem'];
      const trust = ['--tls-ca-cert-file', 'cert.pem', '--tls-auth-clients', 'no'];
      return [serve(workspace, 0, '--port', '0', '--tls-port', `${workspace.ports[0]}`, ...keys, ...trust)];
    },
    client: { tls: { rejectUnauthorized: false } },
  });
}

/** Three primaries without replicas. */
export function startRedisCluster(): Promise<RedisShape> {
  const nodes = [0, 1, 2];
  return start({
    ports: 2 * nodes.length,
    url: ({ ports }) => `redis+cluster://${nodes.map((i) => `127.0.0.1:${ports[i]}`).join(',')}`,
    serve: (workspace) =>
      nodes.map((i) => {
        const bus = ['--cluster-port', `${workspace.ports[nodes.length + i]}`];
        return serve(workspace, i, '--cluster-enabled', 'yes', '--cluster-config-file', `nodes-${i}`, ...bus);
      }),
    async isUp(workspace, ask) {
      const infos = () => Promise.all(nodes.map((i) => ask(workspace.ports[i]!, 'CLUSTER', 'INFO')));
      if (`${await infos()}`.includes('cluster_slots_assigned:0')) {
        const hosts = nodes.map((i) => `127.0.0.1:${workspace.ports[i]}`);
        await workspace.run(['redis-cli', '--cluster', 'create', ...hosts, '--cluster-yes']);
      }
      return (await infos()).every((info) => `${info}`.includes('cluster_state:ok'));
    },
  });
}

/** A primary, and one sentinel that watches it as `mymaster`. */
export function startRedisWithSentinel(): Promise<RedisShape> {
  return start({
    ports: 2,
    url: ({ ports }) => `redis+sentinel://127.0.0.1:${ports[1]}/mymaster/0`,
    initialise: (workspace) =>
      workspace.run([
        'sh',
        '-c',
        `echo sentinel monitor mymaster 127.0.0.1 ${workspace.ports[0]} 1 > sentinel.conf`,
      ]),
    serve: (workspace) => {
      const where = ['--bind', '127.0.0.1', '--port', `${workspace.ports[1]}`, '--dir', workspace.folder];
      const config = join(workspace.folder, 'sentinel.conf');
      return [serve(workspace, 0), workspace.spawn([PROGRAM, config, '--sentinel', ...where])];
    },
    isUp: async ({ ports }, ask) =>
      (await ask(ports[1]!, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'mymaster')) !== null,
  });
}

type Ask = (port: number, ...command: [string, ...string[]]) => Promise<unknown>;

interface Shape {
  readonly ports?: number;
  url(workspace: Workspace): string;
  initialise?(workspace: Workspace): Promise<void>;
  serve(workspace: Workspace): Subprocess[];
  /** Asked once the server on the first port answers. */
  isUp?(workspace: Workspace, ask: Ask): Promise<boolean>;
  /** How to talk to it. */
  readonly client?: Omit<RedisOptions, 'replyMapping'>;
}

async function start({ ports = 1, url, initialise, serve, isUp, client }: Shape): Promise<RedisShape> {
  const workspace = makeWorkspace('redis', await freePorts(ports), redisBackend.native);
  let running: Subprocess[] = [];
  const signal = (name: NodeJS.Signals) => {
    for (const process of running) process.kill(name);
  };

  const ask: Ask = async (port, name, ...values) => {
    const redis = new Redis({
      ...{ port, host: '127.0.0.1', lazyConnect: true, connectTimeout: 1_000, commandTimeout: 1_000 },
      ...{ retryStrategy: () => null, enableReadyCheck: false, replyMapping: 'legacy', ...client },
    });
    redis.on('error', () => {});
    try {
      await redis.connect();
      return await redis.call(name, ...values);
    } finally {
      redis.disconnect();
    }
  };
  const isReady = async () => {
    if (running.some(({ exitCode }) => exitCode !== null)) throw new Error(workspace.messages());
    try {
      const [, folder] = (await ask(workspace.ports[0]!, 'CONFIG', 'GET', 'dir')) as string[];
      return folder === workspace.folder && ((await isUp?.(workspace, ask)) ?? true);
    } catch {
      return false;
    }
  };

  async function restart(): Promise<void> {
    await kill();
    running = serve(workspace);
    await until(isReady, READY_WITHIN_MS);
  }
  async function kill(): Promise<void> {
    signal('SIGKILL');
    await Promise.all(running.map(({ exited }) => exited));
    running = [];
  }
  async function close(): Promise<void> {
    await kill();
    workspace.remove();
  }

  try {
    await initialise?.(workspace);
    await restart();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    url: url(workspace),
    port: workspace.ports[0]!,
    kill,
    restart,
    pause: () => signal('SIGSTOP'),
    resume: () => signal('SIGCONT'),
    close,
  };
}

const READY_WITHIN_MS = 20_000;

/** The server on port number `i` of the workspace; later options win over earlier ones. */
function serve(workspace: Workspace, i: number, ...options: string[]): Subprocess {
  const where = ['--bind', '127.0.0.1', '--port', `${workspace.ports[i]}`, '--dir', workspace.folder];
  return workspace.spawn([PROGRAM, ...where, '--save', '', '--appendonly', 'no', ...options]);
}
