import { describe, expect, test } from 'bun:test';
import { distributedBackends } from '../support/backends.ts';
import { ROOT } from '../support/command.ts';
import { openDistributedShop } from '../support/distributed-shop.ts';
import { fuzz } from '../support/fuzz/fuzz.ts';
import { seedOf } from '../support/seed.ts';
import { eventually, openShop, type Shop } from '../support/shop.ts';

/**
 * Whatever is sent to any operation, right, wrong or absurd: the answer is one that the OpenAPI document describes, nothing of
 * the program shows, and afterwards the server is well and the books balance.
 */

const seed = seedOf(import.meta.path);
/** Requests for each operation. */
const RUNS = 40;
const OPERATOR_TOKEN = 'a-token-that-no-answer-tells';
const ENV = { PULSECART_OPERATOR_TOKEN: OPERATOR_TOKEN };
const TIMEOUT_MS = 150_000;

describe('every operation of the OpenAPI document', () => {
  test('answers as it says, on the embedded backends', () => fuzzed(() => openShop(ENV)), TIMEOUT_MS);

  test.skipIf(!distributedBackends)(
    'answers as it says, on the distributed backends',
    () => fuzzed(() => openDistributedShop({ env: ENV })),
    TIMEOUT_MS,
  );
});

async function fuzzed(open: () => Promise<Shop>): Promise<void> {
  await using shop = await open();
  const secrets = [OPERATOR_TOKEN, ROOT];
  const findings = await fuzz({
    url: shop.url,
    operatorToken: OPERATOR_TOKEN,
    // It takes two of them.
    seed: 2 * seed,
    runs: RUNS,
    secrets,
  });
  expect(findings.join('\n\n')).toBe('');
  await eventually(async () => (await shop.get('/api/v1/async/queue/status')).json.purchases.waiting === 0);
  expect((await shop.get('/actuator/health')).json.status).toBe('UP');
  expect((await shop.readBooks()).breaches).toEqual([]);
}
