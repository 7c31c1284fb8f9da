import { connect } from 'amqplib';
import { Redis } from 'ioredis';
import type { PrivateBackends } from './services/private-backend.ts';
import { askRows } from './tables.ts';

/** The backends' own names and versions, such as `postgresql 15.14`. */
export async function askVersions(backends: PrivateBackends) {
  const [ledger, gate, queue] = await Promise.all([
    askPostgres(backends.postgres.url),
    askRedis(backends.redis.url),
    askRabbit(backends.rabbitmq.url),
  ]);
  return { ledger, gate, queue };
}

async function askPostgres(url: string): Promise<string> {
  const [row] = await askRows<{ server_version: string }>(url, 'SHOW server_version');
  // The packager follows the number.
  return `postgresql ${row!.server_version.split(' ')[0]}`;
}

async function askRedis(url: string): Promise<string> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
  client.on('error', () => {});
  try {
    await client.connect();
    const info = await client.info('server');
    const version = (field: string) => new RegExp(`^${field}_version:(\\S+)`, 'm').exec(info)?.[1];
    // Valkey also reports the version of Redis that it replaces.
    const valkey = version('valkey');
    return valkey ? `valkey ${valkey}` : `redis ${version('redis')}`;
  } finally {
    client.disconnect();
  }
}

async function askRabbit(url: string): Promise<string> {
  const connection = await connect(url);
  const { version } = connection.connection.serverProperties as { version?: string };
  await connection.close();
  return `rabbitmq ${version}`;
}
