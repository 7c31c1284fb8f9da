import { afterAll, describe } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { startPrivateEngine } from '../../bench/services/engines.ts';
import type { EngineName, PrivateEngine } from '../../bench/services/private-engine.ts';
import { enginesChoice, SERVICES_VARIABLE } from './engines-choice.ts';

/**
 * PostgreSQL, Redis and RabbitMQ for tests that can share them. `npm test` keeps one set for the whole run (see
 * shared-services.ts); a file that is run without it starts its own. Either starts an engine when it is first needed.
 */

/** False under PULSECART_TEST_ENGINES=embedded: then what needs them is skipped, and counted as skipped. */
export const productionEngines = enginesChoice(process.env) === 'production';

/** Registers tests that need them. */
export function onProductionEngines(register: () => void): void {
  describe.skipIf(!productionEngines)('on the production engines', register);
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

const urls = new Map<EngineName, Promise<string>>();

function urlOf(name: EngineName): Promise<string> {
  if (!productionEngines)
    throw new Error('PULSECART_TEST_ENGINES=embedded: this test should have been skipped');
  const services = process.env[SERVICES_VARIABLE];
  const url = urls.get(name) ?? (services ? askServices(services, name) : startOwn(name));
  urls.set(name, url);
  return url;
}

async function askServices(services: string, name: EngineName): Promise<string> {
  const response = await fetch(services + name);
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text;
}

const own: PrivateEngine[] = [];

async function startOwn(name: EngineName): Promise<string> {
  const engine = await startPrivateEngine(name);
  own.push(engine);
  return engine.url;
}

afterAll(() => Promise.all(own.map((engine) => engine.close())));

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
