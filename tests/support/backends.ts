import { afterAll, describe } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import type { BackendName, PrivateBackend } from '../../bench/services/private-backend.ts';
import { startPrivateBackend } from '../../bench/services/private-backends.ts';
import { backendsChoice, SERVICES_VARIABLE } from './backends-choice.ts';

/**
 * PostgreSQL, Redis and RabbitMQ for tests that can share them. `npm test` keeps one set for the whole run (see
 * shared-services.ts); a file that is run without it starts its own. Either starts a backend when it is first needed.
 */

/** False under PULSECART_TEST_ENGINES=embedded: then what needs them is skipped, and counted as skipped. */
export const distributedBackends = backendsChoice(process.env) === 'production';

/** Registers tests that need them. */
export function onDistributedBackends(register: () => void): void {
  describe.skipIf(!distributedBackends)('on the distributed backends', register);
}

/** An empty database of its own, dropped by `close`. */
export async function ownDatabase(): Promise<{ url: string; close(): Promise<void> }> {
  const server = await urlOf('postgres');
  const name = uniqueName();
  await asAdministrator(server, `CREATE DATABASE ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    close: () => asAdministrator(server, `DROP DATABASE ${name} WITH (FORCE)`),
  };
}

/** The shared server and a prefix for one's own keys. They go with the server. */
export async function ownRedis(): Promise<{ url: string; keyPrefix: string; close(): Promise<void> }> {
  return { url: await urlOf('redis'), keyPrefix: uniqueName(), close: async () => {} };
}

/** The shared broker and a prefix for the names of one's own queues. They go with the broker. */
export async function ownRabbit(): Promise<{ url: string; namespace: string; close(): Promise<void> }> {
  return { url: await urlOf('rabbitmq'), namespace: uniqueName(), close: async () => {} };
}

const urls = new Map<BackendName, Promise<string>>();

function urlOf(name: BackendName): Promise<string> {
  if (!distributedBackends)
    throw new Error('PULSECART_TEST_ENGINES=embedded: this test should have been skipped');
  const services = process.env[SERVICES_VARIABLE];
  const url = urls.get(name) ?? (services ? askServices(services, name) : startOwn(name));
  urls.set(name, url);
  return url;
}

async function askServices(services: string, name: BackendName): Promise<string> {
  const response = await fetch(services + name);
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text;
}

const own: PrivateBackend[] = [];

async function startOwn(name: BackendName): Promise<string> {
  const backend = await startPrivateBackend(name);
  own.push(backend);
  return backend.url;
}

afterAll(() => Promise.all(own.map((backend) => backend.close())));

/** Names of PostgreSQL, Redis and RabbitMQ alike. */
function uniqueName(): string {
  return `test_${randomBytes(8).toString('hex')}`;
}

async function asAdministrator(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
