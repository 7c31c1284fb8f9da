import { existsSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Client } from 'pg';
import type { ServiceSpec } from './spec.ts';

/** The oldest that the ledger supports. */
const OLDEST = 15;
const PACKAGED = '/usr/lib/postgresql';
const ANSWER_TIMEOUT_MS = 1_000;

/** Changes to the defaults. Durability is never changed: figures are measured on this. */
const SETTINGS = {
  max_connections: '200',
  shared_buffers: '256MB',
  // A checkpoint in the middle of a measurement would distort it.
  max_wal_size: '4GB',
  min_wal_size: '512MB',
};

export const postgres: ServiceSpec = {
  packageName: 'postgresql',
  image: {
    name: 'postgres:17',
    port: 5432,
    options: ['-e', 'POSTGRES_HOST_AUTH_METHOD=trust'],
    command: settings({}),
  },
  url: (port) => `postgres://postgres@127.0.0.1:${port}/postgres`,

  async whoAnswers(port) {
    const client = new Client({
      host: '127.0.0.1',
      port,
      user: 'postgres',
      database: 'postgres',
      connectionTimeoutMillis: ANSWER_TIMEOUT_MS,
      query_timeout: ANSWER_TIMEOUT_MS,
    });
    // Without a listener a connection that breaks while idle would end this process.
    client.on('error', () => {});
    try {
      await client.connect();
      const { rows } = await client.query('SHOW data_directory');
      return rows[0].data_directory;
    } finally {
      await client.end();
    }
  },

  native: {
    account: 'postgres',
    isInstalled: () => programs() !== null,
    // Its immediate shutdown, which also ends its backends and frees shared memory.
    endsWith: 'SIGQUIT',
    ports: 1,
    self: ({ folder }) => dataIn(folder),

    async initialise({ folder, run }) {
      const options = ['--auth=trust', '--username=postgres', '--encoding=UTF8', '--locale=C', '--no-sync'];
      await run([join(programs()!, 'initdb'), '-D', dataIn(folder), ...options]);
    },

    start({ folder, ports, spawn }) {
      // The process that it names is dead by now, but another one may have got its pid.
      rmSync(join(dataIn(folder), 'postmaster.pid'), { force: true });
      const where = { listen_addresses: '127.0.0.1', port: `${ports[0]}`, unix_socket_directories: '' };
      const argv = [join(programs()!, 'postgres'), '-D', dataIn(folder), ...settings(where)];
      return [spawn(argv)];
    },
  },
};

function dataIn(folder: string): string {
  return join(folder, 'data');
}

function settings(more: Readonly<Record<string, string>>): string[] {
  return Object.entries({ ...SETTINGS, ...more }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

/** The folder of PostgreSQL's programs: the newest of a Debian package, or the one on the PATH. */
function programs(): string | null {
  const versions = existsSync(PACKAGED) ? readdirSync(PACKAGED).map(Number) : [];
  const newest = Math.max(...versions.filter((version) => hasPrograms(packaged(version))));
  if (newest >= OLDEST) return packaged(newest);
  const onPath = Bun.which('postgres');
  return onPath && hasPrograms(dirname(onPath)) ? dirname(onPath) : null;
}

function packaged(version: number): string {
  return join(PACKAGED, `${version}`, 'bin');
}

function hasPrograms(folder: string): boolean {
  return existsSync(join(folder, 'postgres')) && existsSync(join(folder, 'initdb'));
}
