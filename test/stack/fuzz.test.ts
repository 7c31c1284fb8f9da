import { describe, expect, test } from 'bun:test';
import { ROOT } from '../support/command.ts';
import { productionEngines } from '../support/engines.ts';
import { fuzz } from '../support/fuzz/fuzz.ts';
import { openProductionShop } from '../support/production-shop.ts';
import { eventually, openShop, type Shop } from '../support/shop.ts';

/**
 * Whatever is sent to any operation, right, wrong or absurd: the answer is one that the OpenAPI document describes, nothing of
 * the program shows, and afterwards the server is well and the books balance.
 */

const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
/** Requests for each operation; more of them find more. */
const RUNS = Number(process.env.RUNS ?? 60);
const OPERATOR_TOKEN = 'a-token-that-no-answer-tells';
const ENV = { PULSECART_OPERATOR_TOKEN: OPERATOR_TOKEN };
const TIMEOUT_MS = 90_000 + 1_000 * RUNS;

describe('every operation of the OpenAPI document', () => {
  test('answers as it says, on the embedded engines', () => fuzzed(() => openShop(ENV)), TIMEOUT_MS);

  if (!productionEngines)
    console.log('PULSECART_TEST_ENGINES=embedded: no fuzzing of the production engines');
  else {
    test(
      'answers as it says, on the production engines',
      () => fuzzed(() => openProductionShop({ env: ENV })),
      TIMEOUT_MS,
    );
  }
});

async function fuzzed(open: () => Promise<Shop>): Promise<void> {
  console.log(`fuzz, seed ${SEED}; again: SEED=${SEED} RUNS=${RUNS} npm test -- test/stack/fuzz.test.ts`);
  await using shop = await open();
  const secrets = [OPERATOR_TOKEN, ROOT];
  const findings = await fuzz({
    url: shop.url,
    operatorToken: OPERATOR_TOKEN,
    seed: SEED,
    runs: RUNS,
    secrets,
  });
  expect(findings.join('\n\n')).toBe('');
  await eventually(async () => (await shop.get('/api/v1/async/queue/status')).json.purchases.waiting === 0);
  expect((await shop.get('/actuator/health')).json.status).toBe('UP');
  expect((await shop.readBooks()).breaches).toEqual([]);
}
