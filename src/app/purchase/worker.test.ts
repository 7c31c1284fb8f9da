import { afterEach, beforeEach, expect, test } from 'bun:test';
import { keptLog } from '../../../tests/support/kept-log.ts';
import {
  countKinds,
  openPurchaseFixture,
  type PurchaseFixture,
} from '../../../tests/support/purchase-fixture.ts';
import { until } from '../../../tests/support/until.ts';
import { AppError } from '../../domain/errors.ts';
import type { Purchase } from '../../domain/purchase.ts';
import { encodePurchases } from '../../ports/purchase-message.ts';
import { ATTEMPTS_MAX, createWorker, type Worker } from './worker.ts';

/** Longer than any test lets its clocks go on. */
const TTL_MS = 1_000_000_000;
const UNITS = 5_000;

let fixture: PurchaseFixture;
let worker: Worker;
let told: string[];
let troubles: string[];

beforeEach(async () => {
  fixture = await openPurchaseFixture({ units: UNITS, holdSeconds: 2_000_000 });
  told = [];
  troubles = [];
  fixture.changes.subscribe({ committed: ({ decided }) => told.push(...decided) });
  worker = createWorker(fixture.ledger, fixture.queue, fixture.batcher(), fixture.clock, {
    batchesMax: 1,
    purchaseTtlMs: TTL_MS,
    ids: fixture.ids,
    log: keptLog(troubles),
  });
});
afterEach(async () => {
  await worker.close();
  expect(await fixture.breaches()).toEqual([]);
  await fixture.close();
});

async function publish(...purchases: Purchase[]): Promise<void> {
  await fixture.realQueue.publish('purchases', [encodePurchases(purchases)]);
}

/** Puts one message into the queue that looks as if an earlier worker had died on it. */
async function publishAgain(...purchases: Purchase[]): Promise<void> {
  await fixture.realQueue.deadLetter('purchases', encodePurchases(purchases), 'for the test');
  const [letter] = await fixture.realQueue.deadLetters('purchases', 1);
  await fixture.realQueue.replay('purchases', [letter!.id]);
}

/** Makes delayed messages due: time goes on, and a publish wakes the consumer. Answers the purchase it published. */
async function letTimePass(): Promise<Purchase> {
  fixture.passTime(40_000);
  const request = fixture.queued();
  await publish(request);
  return request;
}

async function outcomes(purchases: readonly Purchase[]): Promise<Record<string, number>> {
  const found = await fixture.real.find(purchases.map(({ id }) => id));
  return countKinds(purchases.map(({ id }) => found.get(id) ?? { kind: 'nothing' }));
}

async function purchasesQueue() {
  return (await fixture.realQueue.status()).find(({ name }) => name === 'purchases')!;
}

async function untilEmpty(): Promise<void> {
  await until(async () => {
    const { ready, unacknowledged } = await purchasesQueue();
    return ready + unacknowledged === 0;
  });
}

test('messages are decided together, every outcome is recorded and told, and only then are they acknowledged', async () => {
  await fixture.real.reset(1, 50);
  const requests = Array.from({ length: 60 }, () => fixture.queued());
  await publish(...requests.slice(0, 30));
  await publish(...requests.slice(30));
  await worker.start();
  await untilEmpty();
  expect(await outcomes(requests)).toEqual({ order: 50, sold_out: 10 });
  expect(told.sort()).toEqual(requests.map(({ id }) => id).sort());
  expect(fixture.batches.length).toBeLessThanOrEqual(2);
  expect(fixture.reserved).toHaveLength(50);
  expect((await fixture.real.asyncCounts()).decided).toBe(60);
});

test('a message that came back is decided purchase by purchase, each attempt counted before it is made', async () => {
  const requests = [fixture.queued(), fixture.queued(), fixture.queued()];
  const attemptsWhenDecided: number[] = [];
  fixture.decideFault = async (purchases, decide) => {
    expect(purchases).toHaveLength(1);
    const counted = fixture.store.db
      .query<{ count: number }, [string]>('SELECT count FROM attempts WHERE purchase_id = ?')
      .get(purchases[0]!.id);
    attemptsWhenDecided.push(counted?.count ?? 0);
    return decide(purchases);
  };
  await publishAgain(...requests);
  await worker.start();
  await untilEmpty();
  expect(attemptsWhenDecided).toEqual([1, 1, 1]);
  expect(await outcomes(requests)).toEqual({ order: 3 });
});

test('what an earlier delivery decided already is not tried again', async () => {
  const requests = [fixture.queued(), fixture.queued({ quantity: UNITS + 1 }), fixture.queued()];
  await fixture.real.decide(requests.slice(0, 2));
  await publishAgain(...requests);
  await worker.start();
  await untilEmpty();
  expect(fixture.batches.map(([request]) => request!.id)).toEqual([requests[2]!.id]);
  expect(told).toEqual([requests[2]!.id]);
  expect(await outcomes(requests)).toEqual({ order: 2, sold_out: 1 });
});

test('a purchase that cannot be decided is dead-lettered after its attempts; its neighbours are decided', async () => {
  fixture.store.db.exec(`CREATE TRIGGER poisoned BEFORE INSERT ON orders WHEN NEW.customer = 'poison'
    BEGIN SELECT RAISE(ABORT, 'poisoned for the test'); END`);
  const poison = fixture.queued({ customer: 'poison' });
  const neighbours = [fixture.queued(), fixture.queued(), fixture.queued(), fixture.queued()];
  await publish(...neighbours.slice(0, 2), poison, ...neighbours.slice(2));
  await worker.start();
  await until(async () => {
    neighbours.push(await letTimePass());
    return worker.stats.deadLettered > 0;
  });
  await untilEmpty();

  expect(worker.stats).toMatchObject({ deadLettered: 1, retried: ATTEMPTS_MAX - 1 });
  const letters = await fixture.realQueue.deadLetters('purchases', 10);
  expect(letters).toMatchObject([{ body: encodePurchases([poison]).body, items: 1 }]);
  expect(letters[0]!.cause).toBe('poisoned for the test');
  expect(await outcomes([poison])).toEqual({ needs_attention: 1 });
  expect(await outcomes(neighbours)).toEqual({ order: neighbours.length });
});

test('a purchase whose workers die on it is dead-lettered once its attempts are used up', async () => {
  const [poison, neighbour] = [fixture.queued(), fixture.queued()];
  for (let i = 0; i < ATTEMPTS_MAX; i++) await fixture.real.countAttempts([poison.id]);
  await publishAgain(poison, neighbour);
  await worker.start();
  await untilEmpty();
  expect(await outcomes([poison, neighbour])).toEqual({ needs_attention: 1, order: 1 });
  expect((await purchasesQueue()).deadLetters.count).toBe(1);
});

test('a message that cannot be read is dead-lettered with its cause, and its neighbours are decided', async () => {
  const request = fixture.queued();
  const rubbish = ['not json', '{}', '[]', '[null]', '[["id",1]]'];
  await fixture.realQueue.publish('purchases', [
    ...rubbish.map((body) => ({ body, items: 1 })),
    encodePurchases([request]),
  ]);
  await worker.start();
  await untilEmpty();
  expect(await outcomes([request])).toEqual({ order: 1 });
  const letters = await fixture.realQueue.deadLetters('purchases', 10);
  expect(letters.map(({ body }) => body)).toEqual(rubbish);
  expect(letters.every(({ cause }) => cause.startsWith('unreadable message: '))).toBe(true);
});

/** Messages in which one purchase or more is none that any ledger could decide, with how many of those. */
function mixed(good: readonly Purchase[]): { body: string; bad: number }[] {
  const tuples = good.map((request) => JSON.parse(encodePurchases([request]).body)[0] as unknown[]);
  const [one, two, three] = tuples as [unknown[], unknown[], unknown[]];
  return [
    { body: JSON.stringify([one, one.with(0, 'no UUID of ours')]), bad: 1 },
    { body: JSON.stringify([null, two.with(1, 'two'), two]), bad: 2 },
    { body: JSON.stringify([three.with(3, 'NUL \0'), three, three.with(5, 'key')]), bad: 2 },
    { body: 'garbage', bad: 1 },
  ];
}

for (const [when, isAgain] of [
  ['in the same message and the same batch', false],
  ['after a worker crashed', true],
] as const) {
  test(`P3 a message that nobody can decide ends at once, and its neighbours are decided: ${when}`, async () => {
    const requests = [fixture.queued(), fixture.queued(), fixture.queued(), fixture.queued()];
    const messages = [...mixed(requests), { body: encodePurchases(requests.slice(3)).body, bad: 0 }];
    await fixture.realQueue.publish(
      'purchases',
      messages.map(({ body }) => ({ body, items: 1 })),
    );
    if (isAgain) fixture.store.db.run('UPDATE messages SET deliveries = 1');
    await worker.start();
    await untilEmpty();
    expect(await outcomes(requests)).toEqual({ order: 4 });
    const letters = await fixture.realQueue.deadLetters('purchases', 10);
    const bad = messages.reduce((sum, message) => sum + message.bad, 0);
    expect(letters.map(({ items }) => items)).toEqual(letters.map(() => 1));
    expect([letters.length, worker.stats.deadLettered, worker.stats.retried]).toEqual([bad, bad, 0]);
    expect(letters.every(({ cause }) => cause.startsWith('unreadable message: '))).toBe(true);
    expect(troubles).toHaveLength(bad);
  });
}

test('P3 a purchase that was accepted and cannot be read waits for an operator, as its reader sees', async () => {
  const request = fixture.queued();
  const [tuple] = JSON.parse(encodePurchases([request]).body) as [unknown[]];
  await fixture.realQueue.publish('purchases', [{ body: JSON.stringify([tuple.with(2, 'many')]), items: 1 }]);
  await worker.start();
  await untilEmpty();
  expect(await outcomes([request])).toEqual({ needs_attention: 1 });
});

test('P3 a backend in trouble makes no second dead letter of what cannot be read', async () => {
  const request = fixture.queued();
  let failures = 0;
  fixture.decideFault = async () => {
    failures++;
    throw new AppError('unavailable', 'down for the test');
  };
  await fixture.realQueue.publish('purchases', [
    { body: encodePurchases([request]).body.replace('[[', '[null,['), items: 2 },
  ]);
  await worker.start();
  await until(async () => {
    await letTimePass();
    return failures > 3;
  });
  fixture.decideFault = null;
  await until(async () => {
    await letTimePass();
    return (await outcomes([request])).order === 1;
  });
  await untilEmpty();
  expect((await purchasesQueue()).deadLetters.count).toBe(1);
});

test('P3 a bug in any step of the worker ends as a dead letter, and holds up no neighbour', async () => {
  const [bad, neighbour] = [fixture.queued(), fixture.queued()];
  const isBad = (ids: readonly string[]) => ids.includes(bad.id);
  const { countAttempts, markNeedsAttention } = fixture.real;
  Object.assign(fixture.ledger, {
    async find() {
      throw new Error('a bug when it is found');
    },
    async countAttempts(ids: readonly string[]) {
      if (isBad(ids)) throw new Error('a bug when it is counted');
      return countAttempts(ids);
    },
    async markNeedsAttention(ids: readonly string[], value: boolean) {
      if (isBad(ids)) throw new Error('a bug when it is marked');
      return markNeedsAttention(ids, value);
    },
  });
  fixture.decideFault = async (purchases, decide) => {
    if (isBad(purchases.map(({ id }) => id)))
      throw new Error(`a bug when it is decided ${'and again '.repeat(99)}`);
    return decide(purchases);
  };
  await publish(bad, neighbour);
  await publishAgain(bad, neighbour);
  await worker.start();
  await untilEmpty();
  expect(await outcomes([neighbour])).toEqual({ order: 1 });
  const letters = await fixture.realQueue.deadLetters('purchases', 10);
  expect(letters.map(({ body }) => body)).toEqual(
    [bad, bad].map((request) => encodePurchases([request]).body),
  );
  expect(letters[0]!.cause).toStartWith('a bug when it is decided');
  expect(letters[0]!.cause.length).toBeLessThanOrEqual(500);
});

test('a purchase past its time to live ends too old; one refused at acceptance keeps that refusal', async () => {
  const now = fixture.clock();
  const old = fixture.queued({ acceptedAt: now - TTL_MS });
  const refused = fixture.queued({ acceptedAt: now - TTL_MS, refusal: 'sale_closed' });
  const young = fixture.queued({ acceptedAt: now - TTL_MS + 60_000 });
  await publish(old, refused, young);
  await worker.start();
  await untilEmpty();
  expect(await outcomes([old])).toEqual({ too_old: 1 });
  expect(await outcomes([refused])).toEqual({ sale_closed: 1 });
  expect(await outcomes([young])).toEqual({ order: 1 });
  expect(worker.stats.tooOld).toBe(1);
});

test('a backend in trouble dead-letters no purchase, however often their message comes back', async () => {
  const requests = [fixture.queued(), fixture.queued(), fixture.queued()];
  let failures = 0;
  fixture.decideFault = async (purchases, decide) => {
    if (purchases[0]!.id !== requests[1]!.id) return decide(purchases);
    failures++;
    throw new AppError('unavailable', 'down for the test');
  };
  await publishAgain(...requests);
  await worker.start();
  await until(async () => {
    await letTimePass();
    return failures > ATTEMPTS_MAX + 2;
  });
  expect(await outcomes(requests)).toEqual({ order: 1, nothing: 2 });
  fixture.decideFault = null;
  await until(async () => {
    await letTimePass();
    return (await outcomes(requests)).order === 3;
  });
  await untilEmpty();
  expect((await purchasesQueue()).deadLetters.count).toBe(0);
  expect(await fixture.real.countAttempts(requests.map(({ id }) => id))).toEqual([2, 2, 2]);
});

test('a commit that was cut off is found out, and decides each purchase once', async () => {
  await fixture.real.reset(1, 50);
  const requests = Array.from({ length: 60 }, () => fixture.queued());
  let isFirst = true;
  fixture.decideFault = async (purchases, decide) => {
    const decision = await decide(purchases);
    if (!isFirst) return decision;
    isFirst = false;
    throw new AppError('outcome_unknown', 'cut for the test');
  };
  await publish(...requests);
  await worker.start();
  await untilEmpty();
  expect(await outcomes(requests)).toEqual({ order: 50, sold_out: 10 });
  expect((await fixture.real.asyncCounts()).decided).toBe(60);
});

test('closing ends the batch under way and leaves the rest in the queue', async () => {
  const { promise: go, resolve: letGo } = Promise.withResolvers<void>();
  fixture.decideFault = async (purchases, decide) => {
    await go;
    return decide(purchases);
  };
  const first = Array.from({ length: 512 }, () => fixture.queued());
  const rest = [fixture.queued()];
  await publish(...first);
  await publish(...rest);
  await worker.start();
  await until(() => fixture.batches.length === 1);
  const closed = worker.close();
  letGo();
  await closed;
  expect(await outcomes(first)).toEqual({ order: 512 });
  expect(await outcomes(rest)).toEqual({ nothing: 1 });
  expect((await purchasesQueue()).ready).toBe(1);
});
