import { existsSync, writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { connect } from 'amqplib';
import { AppError } from '../domain/errors.ts';
import type { Home } from './home.ts';
import type { NativeEngine } from './native.ts';

/** Debian's package; its own script on the PATH would change to /var/lib/rabbitmq and to that folder's cookie. */
const PACKAGED = '/usr/lib/rabbitmq/bin/rabbitmq-server';
const ANSWER_TIMEOUT_MS = 2_000;
const MAPPER_TIMEOUT_MS = 10_000;
const LOOK_EVERY_MS = 5;

/**
 * A broker with a name, a cookie and a port mapper (epmd) of its own, so that any number of them run side by side.
 * Erlang would start a port mapper by itself, but as a daemon that outlives everything; here it is a child like the
 * broker.
 */
export const rabbitmq: NativeEngine = {
  account: 'rabbitmq',
  isInstalled: () => program() !== null && portMapper() !== null,
  ports: 3,
  url: ({ ports }) => `amqp://guest:guest@127.0.0.1:${ports[0]}`,

  initialise({ folder, ports }) {
    writeFileSync(
      join(folder, 'rabbitmq.conf'),
      [`listeners.tcp.1 = 127.0.0.1:${ports[0]}`, 'log.file.level = warning', ''].join('\n'),
    );
    writeFileSync(join(folder, 'enabled_plugins'), '[].\n');
    // Stands for /etc/rabbitmq/rabbitmq-env.conf, which belongs to the machine's own broker.
    writeFileSync(join(folder, 'rabbitmq-env.conf'), '');
  },

  async start(home) {
    const { folder, ports, spawn } = home;
    const [, distributionPort, mapperPort] = ports;
    const mapper = spawn([portMapper()!, '-port', `${mapperPort}`, '-address', '127.0.0.1']);
    await listens(mapperPort!);
    const env = {
      HOME: folder,
      RABBITMQ_CONF_ENV_FILE: join(folder, 'rabbitmq-env.conf'),
      RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
      RABBITMQ_FEATURE_FLAGS_FILE: join(folder, 'feature_flags'),
      RABBITMQ_MNESIA_BASE: join(folder, 'data'),
      RABBITMQ_LOG_BASE: join(folder, 'log'),
      RABBITMQ_NODENAME: nodeName(home),
      RABBITMQ_DIST_PORT: `${distributionPort}`,
      ERL_EPMD_PORT: `${mapperPort}`,
      ERL_EPMD_ADDRESS: '127.0.0.1',
      // Makes the script become the broker instead of standing in front of it.
      RUNNING_UNDER_SYSTEMD: 'true',
    };
    return [mapper, spawn([program()!], { env })];
  },

  async isUp(home) {
    const connection = await connect(rabbitmq.url(home), { timeout: ANSWER_TIMEOUT_MS });
    try {
      const { cluster_name } = connection.connection.serverProperties as { cluster_name?: string };
      return cluster_name?.split('@')[0] === nodeName(home).split('@')[0];
    } finally {
      await connection.close();
    }
  },
};

/** Erlang's names are one per port mapper; the port and our pid make it one per machine, for `isUp` to tell. */
function nodeName({ ports }: Home): string {
  return `pulsecart-${ports[0]}-${process.pid}@localhost`;
}

function program(): string | null {
  if (existsSync(PACKAGED)) return PACKAGED;
  return Bun.which('rabbitmq-server');
}

function portMapper(): string | null {
  return Bun.which('epmd');
}

/** Resolves once somebody listens there; rejects at the deadline. */
async function listens(port: number): Promise<void> {
  const deadline = performance.now() + MAPPER_TIMEOUT_MS;
  while (!(await accepts(port))) {
    if (performance.now() > deadline) throw new AppError('unavailable', 'epmd does not answer');
    await Bun.sleep(LOOK_EVERY_MS);
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectTcp({ host: '127.0.0.1', port });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
