import { expect, test } from 'bun:test';
import { productsAt } from '../../../../tests/conformance/feed.contract.ts';
import { until } from '../../../../tests/support/until.ts';
import { NO_CHANGES } from '../../../ports/changes.ts';
import type { Message } from './message.ts';
import { createPublisher } from './publisher.ts';

const paid = (id: string) => ({ id, status: 'paid' as const, updatedAt: 1 });
const stock = (productId: number, version: number) => ({ productId, version, available: 7 });
const decided = (...ids: string[]) => ({ ...NO_CHANGES, decided: ids });

test('what is said in one turn goes into one message, with the newest stock version of each product', async () => {
  const { publisher, sent } = scene();
  publisher.changes(productsAt([1, 1], [2, 1]));
  publisher.changes(productsAt([1, 3]));
  publisher.changes(productsAt([1, 2]));
  publisher.changes({ ...decided('p', 'q'), orders: [paid('o')] });
  await until(() => sent.length > 0);
  expect(sent).toEqual([
    {
      stock: [stock(1, 3), stock(2, 1)],
      orders: [paid('o')],
      decided: ['p', 'q'],
      stats: null,
      resync: false,
    },
  ]);
});

test('20,000 decided purchases in a second are at most some 50 messages', async () => {
  const { publisher, sent } = scene();
  const startedAtMs = performance.now();
  for (let i = 0; i < 100; i++) {
    publisher.changes(decided(...Array.from({ length: 50 }, (_, k) => `p-${i}-${k}`)));
    await Bun.sleep(2);
  }
  await until(() => sent.flatMap(({ decided }) => decided).length === 5_000);
  const tookMs = performance.now() - startedAtMs;
  expect(sent.length).toBeLessThanOrEqual(2 + tookMs / 20);
});

test('a flood is bounded: hints are dropped, lost orders and products end in a resync', async () => {
  const { publisher, sent, hold } = scene();
  const letGo = hold();
  publisher.changes(decided('first'));
  await until(() => sent.length === 1);
  const many = Array.from({ length: 12_000 }, (_, i) => `${i}`);
  publisher.changes({ ...decided(...many), orders: many.map(paid) });
  publisher.changes(productsAt(...many.map((id): [number, number] => [Number(id), 1])));
  publisher.changes(productsAt([3, 2]));
  letGo();
  await until(() => sent.length === 2);
  const [, news] = sent;
  expect([news!.decided.length, news!.orders.length, news!.stock.length]).toEqual([5_000, 5_000, 10_000]);
  expect(news!.stock[3]).toEqual(stock(3, 2));
  expect(news!.resync).toBe(true);
});

test('after a message that did not get through the next one asks for a resync, even with no more news', async () => {
  const { publisher, sent, fail } = scene();
  fail(2);
  publisher.changes(productsAt([1, 1]));
  await until(() => sent.length === 3);
  expect(sent.map(({ resync, stock }) => [resync, stock.length])).toEqual([
    [false, 1],
    [true, 0],
    [true, 0],
  ]);
  publisher.changes(decided('p'));
  await until(() => sent.length === 4);
  expect(sent[3]!.resync).toBe(false);
});

test('closing sends what is left', async () => {
  const { publisher, sent, hold } = scene();
  const letGo = hold();
  publisher.changes(decided('first'));
  await until(() => sent.length === 1);
  publisher.changes(decided('last'));
  const closed = publisher.close();
  letGo();
  await closed;
  expect(sent.map(({ decided }) => decided)).toEqual([['first'], ['last']]);
  publisher.changes(decided('too late'));
  expect(sent).toHaveLength(2);
});

function scene() {
  const sent: Message[] = [];
  let failures = 0;
  let gate: Promise<void> = Promise.resolve();
  const publisher = createPublisher(async (news) => {
    sent.push(news);
    await gate;
    if (failures-- > 0) throw new Error('not now');
  });
  return {
    publisher,
    sent,
    fail(times: number) {
      failures = times;
    },
    /** Keeps messages under way until the returned function is called. */
    hold() {
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = promise;
      return resolve;
    },
  };
}
