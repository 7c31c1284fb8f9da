import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import type { NativeEngine } from './native.ts';

/** The oldest that the ledger supports. */
const OLDEST = 15;
const PACKAGED = '/usr/lib/postgresql';
const ANSWER_TIMEOUT_MS = 1_000;

/** What differs from the defaults. Durability never does: figures are measured on this. */
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '256MB',
  // A checkpoint in the middle of a measurement would be a figure of its own.
  max_wal_size: '4GB',
  min_wal_size: '512MB',
};

export const postgres: NativeEngine = {
  account: 'postgres',
  isInstalled: () => programs() !== null,
  ports: 1,
  url: ({ ports }) => `postgres://postgres@127.0.0.1:${ports[0]}/postgres`,

  async initialise({ folder, run }) {
    const data = join(folder, 'data');
    const options = ['--auth=trust', '--username=postgres', '--encoding=UTF8', '--locale=C', '--no-sync'];
    await run([join(programs()!, 'initdb'), '-D', data, ...options]);
  },

  start({ folder, ports, spawn }) {
    const data = join(folder, 'data');
    // Whoever it names is dead by now, but another process may have got its number.
    rmSync(join(data, 'postmaster.pid'), { force: true });
    const settings = Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const argv = [join(programs()!, 'postgres'), '-D', data, '-p', `${ports[0]}`, ...settings];
    // SIGQUIT is its immediate shutdown: it takes its backends and its shared memory with it.
    return [spawn(argv, { endsWith: 'QUIT' })];
  },

  async isUp({ folder, ports }) {
    const client = new Client({
      host: '127.0.0.1',
      port: ports[0]!,
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
      return rows[0]?.data_directory === join(folder, 'data');
    } finally {
      await client.end();
    }
  },
};

/** The folder of PostgreSQL's programs: on the PATH, or the newest that a package has put aside. */
function programs(): string | null {
  const onPath = Bun.which('postgres');
  if (onPath && Bun.which('initdb')) return join(onPath, '..');
  if (!existsSync(PACKAGED)) return null;
  const newest = Math.max(...readdirSync(PACKAGED).map(Number).filter(isPackaged));
  return newest >= OLDEST ? join(PACKAGED, `${newest}`, 'bin') : null;
}

function isPackaged(version: number): boolean {
  const bin = join(PACKAGED, `${version}`, 'bin');
  return existsSync(join(bin, 'postgres')) && existsSync(join(bin, 'initdb'));
}
