import { afterEach, beforeEach, expect, test } from 'bun:test';
import { openPaymentsFixture, RECONCILE_AGE_MS, UNITS } from '../../../tests/support/payments-fixture.ts';
import { until } from '../../../tests/support/until.ts';
import { AppError } from '../../domain/errors.ts';
import type { Payments } from '../../ports/payments.ts';
import type { PaymentProvider, Refunded } from '../../ports/provider.ts';
import { OUTAGE_ORDERS, OUTAGE_PAUSE_MS_MAX } from './outage.ts';

/** Money on its way back: by whom it is brought, how often the company is asked, and that it arrives once. */

const HOUR_MS = 3_600_000;
/** Longer than a refund that nobody settled waits for its next try. */
const STEP_MS = 31_000;

let fixture: ReturnType<typeof openPaymentsFixture>;

beforeEach(async () => {
  fixture = openPaymentsFixture();
  await fixture.open();
});
afterEach(async () => {
  expect(await fixture.audit()).toEqual([]);
  await fixture.close();
});

/** Orders of these customers, paid. */
async function paid(...customers: string[]): Promise<string[]> {
  const ids = await fixture.reserve(...customers);
  fixture.announce(ids);
  await untilAll(ids, 'paid');
  return ids;
}

async function untilAll(ids: readonly string[], status: string): Promise<void> {
  await until(async () => {
    const found = await fixture.ledger.find(ids);
    return [...found.values()].every((one) => one.kind === 'order' && one.order.status === status);
  });
}

async function refund(ledger: Pick<Payments, 'refund'>, ...orderIds: string[]): Promise<void> {
  for (const orderId of orderIds) {
    const ended = await ledger.refund(orderId, {
      id: Bun.randomUUIDv7(),
      actor: 'operator',
      action: 'order.refund',
      subject: `order/${orderId}`,
      reason: 'for the test',
      details: {},
    });
    expect(ended.kind).toBe('done');
  }
}

function statusesTold(orderId: string): string[] {
  return fixture.news.filter((news) => news.id === orderId).map(({ status }) => status);
}

test('a refund is carried out when it is asked for, not at the next sweep, and its units come back with it', async () => {
  const processor = fixture.processor({ timing: { sweepEveryMs: HOUR_MS } });
  await processor.start({ consume: true });
  const [id] = await paid('anybody');
  await refund(fixture.ledger, id!);
  await untilAll([id!], 'refunded');

  expect(await fixture.books()).toMatchObject({ available: UNITS, sold: 0 });
  expect(statusesTold(id!)).toEqual(['paid', 'refunding', 'refunded']);
  expect(fixture.stock.at(-1)).toMatchObject({ available: UNITS });
  expect(processor.stats).toMatchObject({ refunded: 1, failedRefunds: 0 });
  expect(fixture.simulator.money('USD')).toEqual({ capturedMinor: 1_000, refundedMinor: 1_000 });
});

test('a process that charges nothing leaves refunds to one that does', async () => {
  const charging = fixture.processor();
  await charging.start({ consume: true });
  const [id] = await paid('anybody');
  await charging.close();
  const idle = fixture.processor();
  await idle.start({ consume: false });
  await refund(fixture.ledger, id!);
  expect(await fixture.ledger.refundsDue()).toMatchObject({ count: 1 });
  expect((await fixture.order(id!)).status).toBe('refunding');

  await fixture.processor().start({ consume: true });
  await untilAll([id!], 'refunded');
});

test('refunds go on while the queue is away', async () => {
  const first = fixture.processor();
  await first.start({ consume: true });
  const [id] = await paid('anybody');
  await first.close();
  await refund(fixture.ledger, id!);
  const queue = {
    ...fixture.queue,
    async status(): Promise<never> {
      throw new AppError('unavailable', 'no broker');
    },
  };
  await fixture.processor({ queue }).start({ consume: true });
  await untilAll([id!], 'refunded');
});

test('a refund that fails for an hour is asked for now and then, and carried out afterwards', async () => {
  const processor = fixture.processor();
  await processor.start({ consume: true });
  const [id] = await paid('anybody');
  fixture.simulator.setOutage(true);
  await refund(fixture.ledger, id!);
  const triesInAnHour = HOUR_MS / STEP_MS;
  for (let tries = 1; tries < triesInAnHour; tries++) {
    await until(() => processor.stats.failedRefunds >= tries);
    fixture.passTime(STEP_MS);
  }
  expect(processor.stats.failedRefunds).toBeLessThan(2 * triesInAnHour);
  expect(await fixture.order(id!)).toMatchObject({ status: 'refunding' });
  expect(await fixture.books()).toMatchObject({ available: UNITS - 1, sold: 1, breaches: [] });

  fixture.simulator.setOutage(false);
  fixture.passTime(STEP_MS);
  await untilAll([id!], 'refunded');
  expect(processor.stats.refunded).toBe(1);
});

test('while the company is away only a few of many refunds are tried, and all are carried out when it is back', async () => {
  const processor = fixture.processor();
  await processor.start({ consume: true });
  const ids = await paid(...Array.from({ length: 90 }, (_, i) => `customer-${i}`));
  fixture.simulator.setOutage(true);
  await refund(fixture.ledger, ...ids);
  await until(() => processor.stats.failedRefunds > 0);
  const firstTries = processor.stats.failedRefunds;
  for (let probes = 1; probes <= 5; probes++) {
    fixture.passTime(STEP_MS);
    await until(() => processor.stats.failedRefunds >= firstTries + probes);
  }
  expect(processor.stats.failedRefunds).toBeLessThanOrEqual(firstTries + 2 * 6);

  fixture.simulator.setOutage(false);
  fixture.passTime(STEP_MS);
  await untilAll(ids, 'refunded');
  expect(processor.stats.refunded).toBe(ids.length);
});

test('a refund that always fails holds up no other, and is reported', async () => {
  let badKey = '';
  const picky: PaymentProvider = {
    ...fixture.simulator,
    async refund(request) {
      if (request.chargeKey === badKey) throw new AppError('invalid_request', 'There is no such capture.');
      return fixture.simulator.refund(request);
    },
  };
  const processor = fixture.processor({ provider: picky });
  await processor.start({ consume: true });
  const [bad, ...good] = await paid('a', 'b', 'c');
  badKey = `${bad}:1`;
  await refund(fixture.ledger, bad!, ...good);
  await untilAll(good, 'refunded');
  expect((await fixture.order(bad!)).status).toBe('refunding');
  expect(fixture.troubles.join()).toContain(`refund of order ${bad}`);
});

/** A company that does this for the refunds of some orders. */
function failingFor(orderIds: readonly string[], refund: () => Promise<Refunded>): PaymentProvider {
  return {
    ...fixture.simulator,
    refund: (request) => (orderIds.includes(request.orderId) ? refund() : fixture.simulator.refund(request)),
  };
}

test('P9 refunds that fail again and again slow no other, however many they are', async () => {
  const bad: string[] = [];
  const unavailable = () => Promise.reject(new AppError('unavailable', 'not this one'));
  const processor = fixture.processor({ provider: failingFor(bad, unavailable) });
  await processor.start({ consume: true });
  const ids = await paid(...Array.from({ length: 100 }, (_, i) => `customer-${i}`));
  bad.push(...ids.slice(0, 40));
  const good = ids.slice(40);
  expect(bad.length).toBeGreaterThan(OUTAGE_ORDERS);
  await refund(fixture.ledger, ...bad);
  await until(() => {
    fixture.passTime(OUTAGE_PAUSE_MS_MAX);
    return processor.stats.failedRefunds > bad.length;
  });
  // All of them are due again, and before the others.
  fixture.passTime(STEP_MS);
  await refund(fixture.ledger, ...good);
  // No longer than the longest pause: the first good one shows that the company is there.
  fixture.passTime(OUTAGE_PAUSE_MS_MAX);
  await untilAll(good, 'refunded');

  bad.length = 0;
  fixture.passTime(STEP_MS);
  await untilAll(ids, 'refunded');
});

test('P9 a few refunds that fail make no other one wait', async () => {
  const bad: string[] = [];
  const unavailable = () => Promise.reject(new AppError('unavailable', 'not this one'));
  const processor = fixture.processor({ provider: failingFor(bad, unavailable) });
  await processor.start({ consume: true });
  const ids = await paid(...Array.from({ length: 50 }, (_, i) => `customer-${i}`));
  bad.push(...ids.slice(0, 5));
  await refund(fixture.ledger, ...bad);
  for (let times = 1; times <= 6; times++) {
    await until(() => processor.stats.failedRefunds >= times * bad.length);
    fixture.passTime(STEP_MS);
  }
  await refund(fixture.ledger, ...ids.slice(5));
  await untilAll(ids.slice(5), 'refunded');

  bad.length = 0;
  fixture.passTime(STEP_MS);
  await untilAll(ids, 'refunded');
});

test('P9 a refund that the company does not answer keeps no other waiting', async () => {
  const answer = Promise.withResolvers<Refunded>();
  const bad: string[] = [];
  const processor = fixture.processor({ provider: failingFor(bad, () => answer.promise) });
  await processor.start({ consume: true });
  const ids = await paid(...Array.from({ length: 50 }, (_, i) => `customer-${i}`));
  bad.push(ids[0]!);
  await refund(fixture.ledger, ...ids);
  await untilAll(ids.slice(1), 'refunded');
  expect((await fixture.order(ids[0]!)).status).toBe('refunding');

  bad.length = 0;
  answer.reject(new AppError('outcome_unknown', 'not in time'));
  await until(() => processor.stats.failedRefunds === 1);
  fixture.passTime(STEP_MS);
  await untilAll(ids, 'refunded');
});

test('P9 a refund that cannot be recorded keeps no other from being recorded', async () => {
  const bad: string[] = [];
  const ledger = {
    ...fixture.ledger,
    settleRefunds(refunds: Parameters<typeof fixture.ledger.settleRefunds>[0]) {
      if (refunds.some(({ orderId }) => bad.includes(orderId))) throw new Error('a broken row');
      return fixture.ledger.settleRefunds(refunds);
    },
  };
  const processor = fixture.processor({ ledger });
  await processor.start({ consume: true });
  const ids = await paid('a', 'b', 'c');
  bad.push(ids[1]!);
  await refund(fixture.ledger, ...ids);
  await untilAll([ids[0]!, ids[2]!], 'refunded');
  expect(fixture.troubles.join()).toContain(`refund of order ${bad} not recorded`);

  bad.length = 0;
  fixture.passTime(STEP_MS);
  await untilAll(ids, 'refunded');
});

test('P9 holds that cannot be expired keep neither refunds nor lost charges from being found', async () => {
  const ledger = {
    ...fixture.ledger,
    expireOverdue(): never {
      throw new Error('a broken row');
    },
  };
  const processor = fixture.processor({ ledger });
  const [id, lost] = await fixture.reserve('anybody', 'somebody');
  fixture.announce([id!]);
  await processor.start({ consume: true });
  await untilAll([id!], 'paid');
  fixture.passTime(RECONCILE_AGE_MS);
  await untilAll([lost!], 'paid');
  // Not told to this process, as by one that takes requests and no work.
  await refund(fixture.quiet, id!);
  await untilAll([id!], 'refunded');
});

test('the refund of a killed process is asked for again by another one, with its key', async () => {
  const keys: string[] = [];
  const silent: PaymentProvider = {
    ...fixture.simulator,
    async refund(request) {
      keys.push(request.key);
      await fixture.simulator.refund(request);
      return new Promise<Refunded>(() => {});
    },
  };
  const killed = fixture.processor({ provider: silent });
  await killed.start({ consume: true });
  const [id] = await paid('anybody');
  await refund(fixture.ledger, id!);
  await until(() => fixture.simulator.stateOf(`${id}:1`) === 'refunded');
  await killed.close();
  expect((await fixture.order(id!)).status).toBe('refunding');

  const listening: PaymentProvider = {
    ...fixture.simulator,
    refund(request) {
      keys.push(request.key);
      return fixture.simulator.refund(request);
    },
  };
  await fixture.processor({ provider: listening }).start({ consume: true });
  // Settled by nobody, and not yet due again: the company would be asked twice at once.
  fixture.passTime(STEP_MS);
  await untilAll([id!], 'refunded');
  expect(keys).toEqual([`${id}:1:refund`, `${id}:1:refund`]);
});

test('a refund that was refused, then carried out unheard, is found by asking again', async () => {
  const processor = fixture.processor();
  await processor.start({ consume: true });
  const [id] = await paid('test_refund_fails');
  await refund(fixture.ledger, id!);
  await until(() => processor.stats.failedRefunds === 1);
  fixture.passTime(STEP_MS);
  await until(() => processor.stats.failedRefunds === 2);
  expect((await fixture.order(id!)).status).toBe('refunding');
  expect(fixture.simulator.stateOf(`${id}:1`)).toBe('refunded');
  fixture.passTime(STEP_MS);
  await untilAll([id!], 'refunded');
});

test('a refund that the ledger could not write down is written down later', async () => {
  let refusals = 0;
  const ledger = {
    ...fixture.ledger,
    settleRefunds(refunds: Parameters<typeof fixture.ledger.settleRefunds>[0]) {
      if (++refusals <= 2) throw new AppError('unavailable', 'disk full');
      return fixture.ledger.settleRefunds(refunds);
    },
  };
  const processor = fixture.processor({ ledger });
  await processor.start({ consume: true });
  const [id] = await paid('anybody');
  await refund(fixture.ledger, id!);
  for (const again of [1, 2]) {
    await until(() => refusals >= again);
    fixture.passTime(STEP_MS);
  }
  await untilAll([id!], 'refunded');
  expect(fixture.simulator.money('USD').refundedMinor).toBe(1_000);
});
