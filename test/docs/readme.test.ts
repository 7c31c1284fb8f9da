import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readConfig } from '../../src/config.ts';
import { ROOT, runToEnd } from '../support/command.ts';
import { type EmbeddedShop, openShop } from '../support/shop.ts';
import { readDocument } from './documents.ts';
import { type Example, examplesIn, Told } from './walk.ts';

const readme = readDocument('README.md');
const PRINTED_URL = 'http://127.0.0.1:8080';
/** The walk is on the embedded engines, whatever the `.env` says that a developer has here. */
const NO_ENGINES = { DATABASE_URL: '', REDIS_URL: '', RABBITMQ_URL: '' };
/** For charges and outcomes that come in the background. */
const DEADLINE_MS = 10_000;

const toolsMissing = ['curl', 'bash', 'npm'].filter((tool) => Bun.which(tool) === null);
if (toolsMissing.length > 0) {
  console.warn(`README walk skipped: it needs ${toolsMissing.join(' and ')} on the PATH`);
}

describe.skipIf(toolsMissing.length > 0)('the walk of the README', () => {
  let shop: EmbeddedShop;
  const told = new Told();

  beforeAll(async () => {
    shop = await openShop();
  });
  afterAll(() => shop[Symbol.asyncDispose]());

  // In their order: each one builds on those before.
  for (const example of examplesIn(readme)) {
    test(example.command.replace(/\s+/g, ' '), async () => {
      const deadline = performance.now() + DEADLINE_MS;
      let printed = told.asPrinted(await run(example), example);
      // A question may be asked again until the background has done its part; anything else is done once.
      while (printed !== example.output && isQuestion(example) && performance.now() < deadline) {
        printed = told.asPrinted(await run(example), example);
      }
      expect(printed).toBe(example.output);
    });
  }

  async function run({ command }: Example): Promise<string> {
    const real = told.withRealIds(command).replaceAll(PRINTED_URL, shop.url);
    const { stdout } = await runToEnd(['bash', '-c', real], {
      cwd: ROOT,
      env: { ...NO_ENGINES, PULSECART_DATA: shop.folder },
    });
    return stdout;
  }

  test('is on a server that has every metric that docs/operating.md names', async () => {
    const { names } = (await shop.get('/actuator/metrics')).json as { names: string[] };
    const named = readDocument('docs/operating.md').match(/\b(?:pulsecart|nodejs)_\w+/g)!;
    const known = (name: string) =>
      names.includes(name.replace(/_(bucket|sum|count)$/, '')) || names.includes(name);
    expect(named.filter((name) => !known(name))).toEqual([]);
  });

  test('has a purchase of each kind, a sell-out, and an audit', () => {
    const commands = examplesIn(readme)
      .map(({ command }) => command)
      .join('\n');
    for (const part of [
      'sync/purchase',
      'async/purchase',
      'reset?stock',
      'orders/',
      'queue/status',
      'audit',
    ]) {
      expect(commands).toContain(part);
    }
  });
});

const HOUR_MS = 3_600_000;

test('the settings of the README are those of the program, with their defaults', () => {
  const config = readConfig({});
  const onOff = (value: boolean) => (value ? 'on' : 'off');
  const expected: Record<string, string> = {
    PORT: String(config.port),
    HOST: config.host,
    PULSECART_DATA: config.dataFolder,
    PULSECART_MODE: config.mode,
    PULSECART_OPERATOR_TOKEN: config.operatorToken ?? 'none',
    PULSECART_ALLOW_SIMULATED_PAYMENTS: 'off',
    PULSECART_SETTLEMENT: onOff(config.settlement),
    PULSECART_WORKER: onOff(config.worker),
    PULSECART_PURCHASE_TTL_SECONDS: String(config.purchaseTtlMs / 1000),
    PULSECART_KEEP_OUTCOMES_HOURS: String(config.keep.outcomesMs / HOUR_MS),
    PULSECART_KEEP_KEYS_HOURS: String(config.keep.keysMs / HOUR_MS),
    PULSECART_KEEP_OPERATIONS_HOURS: String(config.keep.operationsMs / HOUR_MS),
    PULSECART_KEEP_DEAD_LETTERS_HOURS: String(config.keep.deadLettersMs / HOUR_MS),
    PULSECART_LOG_LEVEL: config.logLevel,
    DATABASE_URL: config.engines?.databaseUrl ?? 'none',
    REDIS_URL: config.engines?.redisUrl ?? 'none',
    RABBITMQ_URL: config.engines?.rabbitmqUrl ?? 'none',
    PULSECART_INSTANCES: String(config.instances),
    PULSECART_NAMESPACE: config.namespace,
    PULSECART_DRAIN_MS: String(config.drainMs),
    PULSECART_STREAMS: String(config.streams.max),
    PULSECART_STREAMS_PER_ADDRESS: String(config.streams.perAddressMax),
    PULSECART_DATABASE_POOL: String(config.tuning.databasePool ?? 'by engine'),
    PULSECART_DESK_BATCHES: String(config.tuning.deskBatches ?? 'by engine'),
    PULSECART_WORKER_BATCHES: String(config.tuning.workerBatches ?? 'by engine'),
    PULSECART_PREFETCH: String(config.tuning.prefetch ?? 'by engine'),
    PULSECART_CHARGES_IN_FLIGHT: String(config.tuning.chargesInFlight),
    PULSECART_LOG_REQUESTS: onOff(config.logRequests),
    PULSECART_SIMULATOR_LATENCY_MS: String(config.payments.latencyMs),
    PULSECART_SIMULATOR_JITTER_MS: String(config.payments.jitterMs),
    PULSECART_SIMULATOR_TIMEOUT_MS: String(config.payments.timeoutMs),
    PULSECART_SIMULATOR_DECLINE_RATE: String(config.payments.declineRate),
    PULSECART_SIMULATOR_TIMEOUT_RATE: String(config.payments.timeoutRate),
    PULSECART_SIMULATOR_ERROR_RATE: String(config.payments.errorRate),
    PULSECART_SIMULATOR_DUPLICATE_RATE: String(config.payments.duplicateRate),
    PULSECART_SIMULATOR_TOO_LATE_RATE: String(config.payments.tooLateRate),
    PULSECART_SIMULATOR_OUTAGE_RATE: String(config.payments.outageRate),
  };
  const rows = [...readme.matchAll(/^\| `([A-Z_]+)` \|[^|]*\| `?([^|`]+)`? \|/gm)];
  expect(Object.fromEntries(rows.map(([, name, value]) => [name!, value!.trim()]))).toEqual(expected);
  const read = new Set(readDocument('src/config.ts').match(/(?<=\benv\.)[A-Z_]+/g));
  expect([...read].toSorted()).toEqual(Object.keys(expected).toSorted());
});

function isQuestion({ command }: Example): boolean {
  return !/ -d | -X /.test(command);
}
