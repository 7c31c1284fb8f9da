import { afterAll } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { startPrivateEngines } from '../../src/private-engines/engines.ts';
import { enginesChoice, HOUSE_VARIABLE } from './engines-choice.ts';

/**
 * PostgreSQL, Redis and RabbitMQ for tests that can share them. `npm test` keeps one set for the whole run (see
 * engine-house.ts); a file that is run without it starts a set of its own at the first need.
 */

/** False under PULSECART_TEST_ENGINES=embedded: then the caller prints why it skips. */
export const productionEngines = enginesChoice(process.env) === 'production';

/** An empty database of its own, dropped by `close`. */
export async function ownDatabase(): Promise<{ url: string; close(): Promise<void> }> {
  const { DATABASE_URL } = await engines();
  const name = uniqueName();
  await asAdministrator(DATABASE_URL, `CREATE DATABASE ${name}`);
  const url = new URL(DATABASE_URL);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    close: () => asAdministrator(DATABASE_URL, `DROP DATABASE ${name} WITH (FORCE)`),
  };
}

/** The shared server and a prefix for one's own keys. They go with the server. */
export async function ownRedis(): Promise<{ url: string; keyPrefix: string; close(): Promise<void> }> {
  const { REDIS_URL } = await engines();
  return { url: REDIS_URL, keyPrefix: uniqueName(), close: async () => {} };
}

/** The shared broker and a prefix for the names of one's own queues. They go with the broker. */
export async function ownRabbit(): Promise<{ url: string; namespace: string; close(): Promise<void> }> {
  const { RABBITMQ_URL } = await engines();
  return { url: RABBITMQ_URL, namespace: uniqueName(), close: async () => {} };
}

type Urls = Record<'DATABASE_URL' | 'REDIS_URL' | 'RABBITMQ_URL', string>;
let found: Promise<Urls> | null = null;

function engines(): Promise<Urls> {
  if (!productionEngines)
    throw new Error('PULSECART_TEST_ENGINES=embedded: this test should have been skipped');
  const house = process.env[HOUSE_VARIABLE];
  found ??= house ? sharedEngines(house) : ownEngines();
  return found;
}

async function sharedEngines(house: string): Promise<Urls> {
  const response = await fetch(house);
  if (!response.ok) throw new Error(await response.text());
  return (await response.json()) as Urls;
}

let closeOwn: (() => Promise<void>) | null = null;

async function ownEngines(): Promise<Urls> {
  const own = await startPrivateEngines();
  closeOwn = own.close;
  return own.env as Urls;
}

afterAll(async () => closeOwn?.());

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
