import { expect, test } from 'bun:test';
import { until } from '../../../../tests/support/until.ts';
import type { News } from './message.ts';
import { createPublisher } from './publisher.ts';

const standing = (productId: number, version: number) => ({ productId, version, available: 0 });

test('what is said in one turn goes into one message, with the newest standing of each product', async () => {
  const { publisher, sent } = scene();
  publisher.standings([standing(1, 1), standing(2, 1)]);
  publisher.standings([standing(1, 2)]);
  publisher.orders([{ orderId: 'o', status: 'paid', updatedAt: 1 }]);
  publisher.decided(['p', 'q']);
  await until(() => sent.length > 0);
  expect(sent).toEqual([
    {
      standings: [standing(1, 2), standing(2, 1)],
      orders: [{ orderId: 'o', status: 'paid', updatedAt: 1 }],
      decided: ['p', 'q'],
      figures: null,
      gap: false,
    },
  ]);
});

test('20,000 decided purchases in a second are at most some 50 messages', async () => {
  const { publisher, sent } = scene();
  const startedAtMs = performance.now();
  for (let i = 0; i < 100; i++) {
    publisher.decided(Array.from({ length: 50 }, (_, k) => `p-${i}-${k}`));
    await Bun.sleep(2);
  }
  await until(() => sent.flatMap(({ decided }) => decided).length === 5_000);
  const tookMs = performance.now() - startedAtMs;
  expect(sent.length).toBeLessThanOrEqual(2 + tookMs / 20);
});

test('a flood is bounded: hints are dropped, lost orders and products end in a gap', async () => {
  const { publisher, sent, hold } = scene();
  const letGo = hold();
  publisher.decided(['first']);
  await until(() => sent.length === 1);
  const many = Array.from({ length: 12_000 }, (_, i) => `${i}`);
  publisher.decided(many);
  publisher.orders(many.map((orderId) => ({ orderId, status: 'paid', updatedAt: 1 })));
  publisher.standings(many.map((id) => standing(Number(id), 1)));
  publisher.standings([standing(3, 2)]);
  letGo();
  await until(() => sent.length === 2);
  const [, news] = sent;
  expect([news!.decided.length, news!.orders.length, news!.standings.length]).toEqual([5_000, 5_000, 10_000]);
  expect(news!.standings[3]).toEqual(standing(3, 2));
  expect(news!.gap).toBe(true);
});

test('after a message that did not get through the next one says that there was a gap, even with no more news', async () => {
  const { publisher, sent, fail } = scene();
  fail(2);
  publisher.standings([standing(1, 1)]);
  await until(() => sent.length === 3);
  expect(sent.map(({ gap, standings }) => [gap, standings.length])).toEqual([
    [false, 1],
    [true, 0],
    [true, 0],
  ]);
  publisher.decided(['p']);
  await until(() => sent.length === 4);
  expect(sent[3]!.gap).toBe(false);
});

test('closing sends what is left', async () => {
  const { publisher, sent, hold } = scene();
  const letGo = hold();
  publisher.decided(['first']);
  await until(() => sent.length === 1);
  publisher.decided(['last']);
  const closed = publisher.close();
  letGo();
  await closed;
  expect(sent.map(({ decided }) => decided)).toEqual([['first'], ['last']]);
  publisher.decided(['too late']);
  expect(sent).toHaveLength(2);
});

function scene() {
  const sent: News[] = [];
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
