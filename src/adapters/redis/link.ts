import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { AppError } from '../../domain/errors.ts';
import { backoffMs } from '../../lib/backoff.ts';
import { within } from '../../lib/within.ts';
import { parseRedisUrl, type RedisAddress, showAddress } from './address.ts';
import { createTrouble, type RedisTrouble } from './trouble.ts';

/**
 * This process's connection to one Redis: a server, a primary behind sentinels, or a cluster. Gate and feed share one
 * connection for commands (one per node of a cluster); a subscriber has a connection of its own.
 */
export interface RedisLink {
  /** The address, without secrets. */
  readonly at: string;
  /** Reconnects. A command fails at once while there is no connection, and is never sent twice. */
  readonly commands: Redis | Cluster;
  /** A new connection for a subscription, not connected yet. It does not reconnect: its `end` is final. */
  newSubscriber(): Redis;
  readonly trouble: RedisTrouble;
  /** The server's version, or `version unknown` when this user may not read it. */
  serverVersion(): Promise<string>;
  close(): Promise<void>;
}

/** Connects, or throws one AppError that names the defect. Nothing is retried: a wrong start should fail visibly. */
export async function openRedisLink(url: string): Promise<RedisLink> {
  const address = parseRedisUrl(url);
  const trouble = createTrouble(address);
  const tls = address.tls ? tlsOptions(address) : null;
  const commands = commandClient(address, tls);
  let subscribers = 0;
  try {
    await within(ready(commands), OPEN_TIMEOUT_MS, () => new Error('connect ETIMEDOUT'));
  } catch (error) {
    commands.disconnect();
    throw trouble.ofOpening(error);
  }
  return {
    at: showAddress(address),
    commands,
    newSubscriber: () => subscriberClient(address, tls, subscribers++),
    trouble,
    async serverVersion() {
      const info = String(await commands.info('server').catch(() => ''));
      return /^(?:valkey|redis)_version:(\S+)/m.exec(info)?.[1] ?? 'version unknown';
    },
    async close() {
      commands.disconnect();
    },
  };
}

/** Time to connect, greet and be ready, for a Redis in another data centre too. */
const OPEN_TIMEOUT_MS = 5_000;
const CONNECT_TIMEOUT_MS = 2_000;
/** Timeout of a command whose caller set no shorter one, and of the greeting of a new connection. */
const COMMAND_TIMEOUT_MS = 1_000;
/** A connection that owes an answer and is silent for this long is half open: it is dropped and replaced. */
const SOCKET_TIMEOUT_MS = 1_000;
/** How long a dropped connection may take to close. A frozen server never closes it. */
const DISCONNECT_TIMEOUT_MS = 100;
/** Pauses before a reconnect. The longest one bounds how long a recovered Redis stays unused. */
const RECONNECT_FIRST_MS = 50;
const RECONNECT_MAX_MS = 500;
/** MOVED and ASK surely did nothing, so following them is safe; a stable cluster needs one. */
const REDIRECTIONS_MAX = 4;

function commandClient(address: RedisAddress, tls: ConnectionOptions | null): Redis | Cluster {
  const retry = (times: number) => backoffMs(times, RECONNECT_FIRST_MS, RECONNECT_MAX_MS);
  if (address.kind !== 'cluster') {
    return newClient({
      ...connectionOptions(address, tls),
      ...placeOptions(address, tls),
      enableOfflineQueue: false,
      retryStrategy: retry,
      sentinelRetryStrategy: retry,
    });
  }
  return new Cluster([...address.hosts], {
    lazyConnect: true,
    enableOfflineQueue: false,
    enableAutoPipelining: false,
    clusterRetryStrategy: retry,
    maxRedirections: REDIRECTIONS_MAX,
    // Zero: a command that may have been done is not sent again.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    // Certificates name hosts, so names are not replaced by addresses.
    ...(tls && { dnsLookup: (host, callback) => callback(null, host) }),
    redisOptions: connectionOptions(address, tls),
  });
}

/** Every node of a cluster receives all published messages: another one is tried each time. */
function subscriberClient(address: RedisAddress, tls: ConnectionOptions | null, number: number): Redis {
  const place =
    address.kind === 'cluster'
      ? address.hosts[number % address.hosts.length]!
      : { ...placeOptions(address, tls), sentinelRetryStrategy: () => null };
  return newClient({
    ...connectionOptions(address, tls),
    ...place,
    retryStrategy: null,
    autoResubscribe: false,
  });
}

/** The constructor's types require a literal here. */
function newClient(options: Omit<RedisOptions, 'replyMapping'>): Redis {
  return new Redis({ ...options, replyMapping: 'legacy' });
}

function connectionOptions(address: RedisAddress, tls: ConnectionOptions | null) {
  return {
    lazyConnect: true,
    connectionName: 'pulsecart',
    ...(address.username !== null && { username: address.username }),
    ...(address.password !== null && { password: address.password }),
    ...(tls && { tls }),
    // The client's default resends interrupted commands, and some of those had been done.
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: COMMAND_TIMEOUT_MS,
    socketTimeout: SOCKET_TIMEOUT_MS,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    // A primary that was demoted under us: the next connection finds the new one.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
  } satisfies RedisOptions;
}

function placeOptions(
  address: Exclude<RedisAddress, { kind: 'cluster' }>,
  tls: ConnectionOptions | null,
): RedisOptions {
  if (address.kind === 'single') return { ...address.hosts[0]!, db: address.db };
  return {
    sentinels: [...address.hosts],
    name: address.masterName,
    db: address.db,
    ...(tls && { enableTLSForSentinelMode: true, sentinelTLS: tls }),
    ...(address.sentinelPassword !== null && { sentinelPassword: address.sentinelPassword }),
    sentinelCommandTimeout: COMMAND_TIMEOUT_MS,
  };
}

function tlsOptions({ caFile }: RedisAddress): ConnectionOptions {
  if (caFile === null) return {};
  try {
    return { ca: readFileSync(caFile) };
  } catch (cause) {
    throw new AppError(
      'invalid_request',
      `The file that the URL of Redis names as ca cannot be read: ${caFile}`,
      {
        cause,
      },
    );
  }
}

/**
 * Settles with the first event; `connect` alone reports only that the connection was closed. The listener stays, because
 * the client prints errors without a listener; callers see the errors of their commands.
 */
async function ready(client: Redis | Cluster): Promise<void> {
  const failed = new Promise<never>((_, reject) => client.on('error', reject));
  await Promise.race([client.connect(), failed]);
  if (client.isCluster || !(await isClusterNode(client as Redis))) return;
  // It would answer for the products that happen to be on this node.
  throw new Error('MOVED');
}

async function isClusterNode(server: Redis): Promise<boolean> {
  const info = await server.info('cluster').catch(() => 'not permitted');
  return info.includes('cluster_enabled:1');
}
