import { expect, test } from 'bun:test';
import {
  askAsBuyer,
  expectNoPlaces,
  expectRates,
  expectScrape,
  untilFiguresAreTold,
} from '../support/backend-away.ts';
import { runToEnd } from '../support/command.ts';
import { eventually, openShop, type Shop } from '../support/shop.ts';

test('B7 a held write lock keeps no figure back that can be read, and the whole is answered within a second', async () => {
  await using shop = await openShop();
  await using _held = await shop.holdWrites();
  // The thread of the store is waiting for the lock, with purchases behind it.
  const bought = Promise.all(
    Array.from({ length: 20 }, () => shop.buy('sync', { productId: 1, quantity: 1 })),
  );
  for (let i = 0; i < 5; i++) {
    await expectAnswered(shop);
  }
  await bought;
  await eventually(async () => (await shop.get('/actuator/health')).json.components.db.status === 'DOWN');
  await expectAnswered(shop);
}, 60_000);

test('B6 no answer to a buyer names a file or SQL while the write lock is held', async () => {
  await using shop = await openShop();
  await using _held = await shop.holdWrites();
  await eventually(async () => (await shop.get('/actuator/health')).status === 503);
  expectNoPlaces(await askAsBuyer(shop));
}, 60_000);

test.skipIf(process.platform !== 'linux')(
  'B6 nor while the disk is full, which an operator is told',
  async () => {
    await using shop = await openShop();
    await untilFiguresAreTold(shop);
    const { exit } = await runToEnd(['prlimit', '--pid', `${shop.server.pid}`, '--fsize=1:']);
    expect(exit).toBe(0);
    await eventually(async () => (await shop.get('/actuator/health')).status === 503);
    expectNoPlaces(await askAsBuyer(shop));
    expect((await shop.get('/actuator/health/db')).json).toEqual({ status: 'DOWN' });
    const operator = { Authorization: `Bearer ${shop.server.operatorToken}` };
    expect((await shop.get('/actuator/health/db', operator)).json).toEqual({
      status: 'DOWN',
      details: { error: expect.any(String) },
    });
    await expectScrape(shop, []);
    await expectRates(shop, { queue: true, ledger: true });
  },
  60_000,
);

test('B7 every outcome that a purchase can have is counted from the start, and each answer is counted', async () => {
  await using shop = await openShop();
  const zeros = [...(await shop.get('/actuator/prometheus')).text.matchAll(COUNTED)];
  expect(zeros.length).toBeGreaterThan(15);
  expect(zeros.map(([, , count]) => count)).toEqual(zeros.map(() => '0'));
  const key = { 'Idempotency-Key': 'k'.repeat(20) };
  const body = { productId: 1, quantity: 1 };
  const answers = [];
  for (const channel of ['sync', 'async'] as const) {
    answers.push(await shop.buy(channel, body, key));
    answers.push(await shop.buy(channel, body, key));
    answers.push(await shop.buy(channel, { productId: 1, quantity: 2 }, key));
    answers.push(await shop.buy(channel, { productId: 77, quantity: 1 }));
    answers.push(await shop.buy(channel, { productId: 1, quantity: 0 }));
    answers.push(await shop.buy(channel, 'x'.repeat(100_000)));
    answers.push(await shop.buy(channel, body, { 'Content-Type': 'text/plain' }));
  }
  answers.push(
    ...(await Promise.all(
      Array.from({ length: 10 }, () => shop.buy('sync', body, { 'Idempotency-Key': 'm'.repeat(20) })),
    )),
  );
  const counted = [...(await shop.get('/actuator/prometheus')).text.matchAll(COUNTED)];
  expect(counted.map(([, labels]) => labels)).toEqual(zeros.map(([, labels]) => labels));
  expect(counted.reduce((sum, [, , count]) => sum + Number(count), 0)).toBe(answers.length);
}, 60_000);

const COUNTED = /^(?:pulsecart_purchases_total|pulsecart_bad_requests_total)(\{[^}]*\}) (\d+)$/gm;

/** What the thread of the store alone knows may be unreadable while it waits; what a reader finds may not. */
async function expectAnswered(shop: Shop): Promise<void> {
  const beganAtMs = performance.now();
  const { status, text } = await shop.get('/actuator/prometheus');
  expect(performance.now() - beganAtMs).toBeLessThan(1_000);
  expect(status).toBe(200);
  expect(text).toMatch(/^pulsecart_units\{/m);
  const isReadable = /unreadable\{source="queues"\} 0/.test(text);
  expect(/^pulsecart_queue_purchases_waiting /m.test(text)).toBe(isReadable);
  const again = performance.now();
  expect((await shop.get('/api/v1/ops/rates')).status).toBe(200);
  expect(performance.now() - again).toBeLessThan(1_000);
}
