import { existsSync, writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { connect } from 'amqplib';
import type { ServiceSpec } from './spec.ts';
import { waitReady } from './wait-ready.ts';
import type { Workspace } from './workspace.ts';

/** Debian's package; its own script on the PATH would change to /var/lib/rabbitmq and to that folder's cookie. */
const PACKAGED = '/usr/lib/rabbitmq/bin/rabbitmq-server';
const ANSWER_TIMEOUT_MS = 2_000;
const SETTINGS = 'rabbitmq.conf';
const PLUGINS = 'enabled_plugins';
/** Instead of /etc/rabbitmq/rabbitmq-env.conf, which belongs to the machine's own broker. */
const MACHINE_SETTINGS = 'rabbitmq-env.conf';

/**
 * A broker with a name, a cookie and a port mapper (epmd) of its own, so that any number of them run side by side.
 * Erlang would start a port mapper itself, but as a daemon that outlives its broker; here it is a child like the broker.
 */
export const rabbitmq: ServiceSpec = {
  packageName: 'rabbitmq-server',
  // Its data lies in a folder named after the host.
  image: { name: 'rabbitmq:4', port: 5672, options: ['--hostname', 'pulsecart'], command: [] },
  url: (port) => `amqp://guest:guest@127.0.0.1:${port}`,

  async whoAnswers(port) {
    const connection = await connect(rabbitmq.url(port), { timeout: ANSWER_TIMEOUT_MS });
    try {
      const { cluster_name } = connection.connection.serverProperties as { cluster_name?: string };
      return `${cluster_name}`.split('@')[0]!;
    } finally {
      await connection.close();
    }
  },

  native: {
    account: 'rabbitmq',
    isInstalled: () => program() !== null && portMapper() !== null,
    endsWith: 'SIGKILL',
    ports: 3,
    self: nodeName,

    initialise({ folder, ports }) {
      const settings = [`listeners.tcp.1 = 127.0.0.1:${ports[0]}`, 'log.file.level = warning'];
      writeFileSync(join(folder, SETTINGS), `${settings.join('\n')}\n`);
      writeFileSync(join(folder, PLUGINS), '[].\n');
      writeFileSync(join(folder, MACHINE_SETTINGS), '');
    },

    async start(workspace) {
      const { folder, ports, spawn } = workspace;
      const [, distributionPort, mapperPort] = ports;
      const mapper = spawn([portMapper()!, '-port', `${mapperPort}`, '-address', '127.0.0.1']);
      await waitReady('epmd', () => accepts(mapperPort!));
      const node = `${nodeName(workspace)}@localhost`;
      const env = {
        RABBITMQ_CONFIG_FILE: join(folder, SETTINGS),
        RABBITMQ_CONF_ENV_FILE: join(folder, MACHINE_SETTINGS),
        RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, PLUGINS),
        RABBITMQ_FEATURE_FLAGS_FILE: join(folder, 'feature_flags'),
        RABBITMQ_MNESIA_BASE: join(folder, 'data'),
        RABBITMQ_LOG_BASE: join(folder, 'log'),
        RABBITMQ_NODENAME: node,
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: distribution(node, distributionPort!),
        ERL_EPMD_PORT: `${mapperPort}`,
        ERL_EPMD_ADDRESS: '127.0.0.1',
        // Makes the script exec the broker instead of staying its parent.
        RUNNING_UNDER_SYSTEMD: 'true',
      };
      return [mapper, spawn([program()!], env)];
    },
  },
};

/** Erlang's names are one per port mapper; the port and our pid make it one per machine, for `isUp` to tell. */
function nodeName({ ports }: Workspace): string {
  return `pulsecart-${ports[0]}-${process.pid}`;
}

/**
 * Lets Erlang itself join the port mapper, on the loopback only. Left to the broker, this takes a second Erlang machine
 * at every start: 1 s of 8 on two busy cores. (Putting the broker's own folders first in the code path spared nothing.)
 */
function distribution(node: string, port: number): string {
  const range = `-kernel inet_dist_listen_min ${port} -kernel inet_dist_listen_max ${port}`;
  return `-sname ${node} -kernel inet_dist_use_interface {127,0,0,1} ${range}`;
}

function program(): string | null {
  if (existsSync(PACKAGED)) return PACKAGED;
  return Bun.which('rabbitmq-server');
}

function portMapper(): string | null {
  return Bun.which('epmd');
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectTcp({ host: '127.0.0.1', port });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
