import { afterEach, beforeEach, expect, test } from 'bun:test';
import {
  HOLD_MS,
  LEASE_MS,
  openPaymentsFixture,
  RECONCILE_AGE_MS,
  UNITS,
} from '../../../tests/support/payments-fixture.ts';
import { until } from '../../../tests/support/until.ts';
import { AppError } from '../../domain/errors.ts';
import type { OrderStatus } from '../../domain/order.ts';
import { TEST_CURRENCY } from '../../domain/product.ts';
import type { ChargeAnswer, PaymentProvider } from '../../ports/provider.ts';
import { OUTAGE_ORDERS } from './outage.ts';

/** The pauses of an outage that goes on are longer than this. */
const SOONER_THAN_A_PAUSE_MS = 2_000;
const FAILED_DEADLINE_MS = 10_000;

let fixture: ReturnType<typeof openPaymentsFixture>;

beforeEach(async () => {
  fixture = openPaymentsFixture();
  await fixture.open();
});
afterEach(() => fixture.close());

async function untilStatus(orderId: string, status: OrderStatus): Promise<void> {
  await until(async () => (await fixture.order(orderId)).status === status);
}

/** Lets leases end, one after the other, until the order has this status. */
async function leaseByLease(orderId: string, status: OrderStatus): Promise<void> {
  await until(async () => {
    fixture.passTime(LEASE_MS);
    await Bun.sleep(20);
    return (await fixture.order(orderId)).status === status;
  });
}

async function expectBooks(expected: { available: number; reserved: number; sold: number }): Promise<void> {
  expect(await fixture.books()).toEqual({ total: UNITS, ...expected, breaches: [] });
}

async function readyPayments(): Promise<number> {
  return (await fixture.queue.status()).find(({ name }) => name === 'payments')!.ready;
}

test('a reserved order is charged and paid', async () => {
  const processor = fixture.processor();
  await processor.start({ consume: true });
  const [id] = await fixture.reserve('anybody');
  fixture.announce([id!]);
  await untilStatus(id!, 'paid');

  await expectBooks({ available: UNITS - 1, reserved: 0, sold: 1 });
  await until(() => processor.stats.inFlight === 0);
  expect(processor.stats).toMatchObject({ paid: 1, declined: 0, expired: 0, failedAttempts: 0 });
  expect((await fixture.ledger.order(id!))!.payments).toMatchObject([
    { attempt: 1, status: 'captured', amountMinor: 1_000 },
  ]);
});

test('a hidden product sells, is paid and is refunded without one call of the payment company', async () => {
  const hidden = openPaymentsFixture({ currency: TEST_CURRENCY });
  try {
    await hidden.open();
    const calls: string[] = [];
    const count = (name: string) => (): Promise<never> => {
      calls.push(name);
      return Promise.reject(new AppError('unavailable', 'for the test'));
    };
    const { onCapture, close } = hidden.simulator;
    const provider = {
      charge: count('charge'),
      cancel: count('cancel'),
      refund: count('refund'),
      onCapture,
      buyerPays: null,
      close,
    };
    await hidden.processor({ provider }).start({ consume: true });
    const [paid, refunded] = await hidden.reserve('anybody', 'test_decline');
    hidden.announce([paid!, refunded!]);
    await until(async () => (await hidden.books()).sold === 2);
    await hidden.ledger.refund(refunded!, {
      id: Bun.randomUUIDv7(),
      actor: 'operator',
      action: 'order.refund',
      subject: `order/${refunded}`,
      reason: 'for the test',
      details: {},
    });
    await until(async () => (await hidden.order(refunded!)).status === 'refunded');
    expect((await hidden.order(paid!)).status).toBe('paid');
    expect(calls).toEqual([]);
  } finally {
    await hidden.close();
  }
});

test('a declined order gives its units back, and says so', async () => {
  const processor = fixture.processor();
  await processor.start({ consume: true });
  const [id] = await fixture.reserve('test_decline');
  fixture.announce([id!]);
  await untilStatus(id!, 'declined');

  await expectBooks({ available: UNITS, reserved: 0, sold: 0 });
  await until(() => processor.stats.declined === 1);
  expect(fixture.stock.at(-1)).toMatchObject({ productId: 1, available: UNITS });
});

test('with charging off, charges are queued, and holds that run out give their units back all the same', async () => {
  const processor = fixture.processor();
  await processor.start({ consume: false });
  const [id] = await fixture.reserve('anybody');
  fixture.announce([id!]);
  await until(async () => (await readyPayments()) === 1);
  expect((await fixture.order(id!)).status).toBe('reserved');

  fixture.passTime(HOLD_MS);
  await untilStatus(id!, 'expired');
  await expectBooks({ available: UNITS, reserved: 0, sold: 0 });
  expect(fixture.stock.at(-1)).toMatchObject({ available: UNITS });
  expect(processor.stats.expired).toBe(1);
});

test('an order whose hold ran out in the queue is not charged', async () => {
  const [id] = await fixture.reserve('anybody');
  fixture.passTime(HOLD_MS);
  const processor = fixture.processor();
  fixture.announce([id!]);
  await processor.start({ consume: true });
  await untilStatus(id!, 'expired');
  await until(async () => (await readyPayments()) === 0);

  expect(fixture.simulator.stateOf(`${id}:1`)).toBeUndefined();
  await expectBooks({ available: UNITS, reserved: 0, sold: 0 });
});

test('a charge that is never answered keeps its key, is cancelled after some leases, and expires', async () => {
  const processor = fixture.processor();
  await processor.start({ consume: true });
  const [id] = await fixture.reserve('test_timeout');
  fixture.announce([id!]);
  await until(() => processor.stats.unanswered === 1);
  expect((await fixture.order(id!)).status).toBe('charging');
  await leaseByLease(id!, 'expired');

  expect((await fixture.order(id!)).attempts).toBe(1);
  expect(fixture.simulator.stateOf(`${id}:1`)).toBe('cancelled');
  expect(fixture.simulator.stateOf(`${id}:2`)).toBeUndefined();
  expect(processor.stats.unanswered).toBe(3);
  await expectBooks({ available: UNITS, reserved: 0, sold: 0 });
});

test('an unanswered charge is cancelled at once when its hold has run out', async () => {
  const processor = fixture.processor();
  await processor.start({ consume: true });
  const [id] = await fixture.reserve('test_timeout');
  fixture.announce([id!]);
  await until(() => processor.stats.unanswered === 1);
  fixture.passTime(HOLD_MS);
  await untilStatus(id!, 'expired');

  expect(fixture.simulator.stateOf(`${id}:1`)).toBe('cancelled');
  expect(processor.stats.unanswered).toBe(1);
  await expectBooks({ available: UNITS, reserved: 0, sold: 0 });
});

test('a charge that captured without an answer ends paid, charged once', async () => {
  const processor = fixture.processor();
  await processor.start({ consume: true });
  const [id] = await fixture.reserve('test_late');
  fixture.announce([id!]);
  await until(() => processor.stats.unanswered === 1);
  await leaseByLease(id!, 'paid');

  expect((await fixture.order(id!)).attempts).toBe(1);
  await expectBooks({ available: UNITS - 1, reserved: 0, sold: 1 });
});

test('a charge that captured without an answer ends paid even when its hold has run out meanwhile', async () => {
  const processor = fixture.processor();
  await processor.start({ consume: true });
  const [id] = await fixture.reserve('test_late');
  fixture.announce([id!]);
  await until(() => processor.stats.unanswered === 1);
  fixture.passTime(HOLD_MS);
  await untilStatus(id!, 'paid');
  await expectBooks({ available: UNITS - 1, reserved: 0, sold: 1 });
});

test('the charges of a killed process are taken over with the same key when their lease ends', async () => {
  const killed = fixture.processor({ provider: silent(fixture.simulator) });
  await killed.start({ consume: true });
  const [id] = await fixture.reserve('anybody');
  fixture.announce([id!]);
  await until(() => fixture.simulator.stateOf(`${id}:1`) === 'captured');
  await killed.close();
  expect((await fixture.order(id!)).status).toBe('charging');

  const next = fixture.processor();
  await next.start({ consume: true });
  fixture.passTime(LEASE_MS);
  await untilStatus(id!, 'paid');
  expect((await fixture.order(id!)).attempts).toBe(1);
  await expectBooks({ available: UNITS - 1, reserved: 0, sold: 1 });
});

test('an order whose message was lost is found and charged', async () => {
  const processor = fixture.processor();
  await processor.start({ consume: true });
  const [id] = await fixture.reserve('anybody');
  fixture.passTime(RECONCILE_AGE_MS);
  await untilStatus(id!, 'paid');
  await expectBooks({ available: UNITS - 1, reserved: 0, sold: 1 });
});

test('a queue that takes nothing is reported, and its orders are charged later', async () => {
  let isDown = true;
  const queue = {
    ...fixture.queue,
    publish: (...args: Parameters<typeof fixture.queue.publish>) =>
      isDown ? Promise.reject(new AppError('unavailable', 'down')) : fixture.queue.publish(...args),
  };
  const processor = fixture.processor({ queue });
  await processor.start({ consume: true });
  const [id] = await fixture.reserve('anybody');
  fixture.announce([id!]);
  await until(() => fixture.troubles.length > 0);
  isDown = false;
  fixture.passTime(RECONCILE_AGE_MS);
  await untilStatus(id!, 'paid');
});

test('orders of an outage are tried again with new keys, and paid once it is over', async () => {
  const processor = fixture.processor();
  await processor.start({ consume: true });
  fixture.simulator.setOutage(true);
  const ids = await fixture.reserve(...Array.from({ length: 30 }, (_, i) => `customer-${i}`));
  fixture.announce(ids);
  await until(() => processor.stats.failedAttempts >= ids.length + 1);
  expect(processor.stats.paid).toBe(0);

  fixture.simulator.setOutage(false);
  await until(() => processor.stats.paid === ids.length);
  await expectBooks({ available: UNITS - 30, reserved: 0, sold: 30 });
  const { payments } = (await fixture.ledger.order(ids[0]!))!;
  expect(payments.at(-1)!.status).toBe('captured');
  expect(payments.slice(0, -1).every(({ status }) => status === 'failed')).toBe(true);
});

test('P9 an order whose charge fails again and again makes no other one wait', async () => {
  const bad: string[] = [];
  const picky: PaymentProvider = {
    ...fixture.simulator,
    charge: (request) =>
      bad.includes(request.orderId)
        ? Promise.reject(new AppError('unavailable', 'not this one'))
        : fixture.simulator.charge(request),
  };
  const processor = fixture.processor({ provider: picky });
  await processor.start({ consume: true });
  bad.push(...(await fixture.reserve('anybody')));
  // More often than it takes orders to make an outage.
  for (let attempts = 1; attempts <= OUTAGE_ORDERS + 8; attempts++) {
    fixture.announce(bad);
    await until(() => processor.stats.failedAttempts >= attempts, FAILED_DEADLINE_MS);
  }
  const [good] = await fixture.reserve('somebody');
  fixture.announce([good!]);
  await until(async () => (await fixture.order(good!)).status === 'paid', SOONER_THAN_A_PAUSE_MS);
});

test('an outage during a takeover begins no new attempt, because the first ask may have charged', async () => {
  const processor = fixture.processor();
  await processor.start({ consume: true });
  const [id] = await fixture.reserve('test_late');
  fixture.announce([id!]);
  await until(() => processor.stats.unanswered === 1);
  fixture.simulator.setOutage(true);
  fixture.passTime(LEASE_MS);
  await until(() => processor.stats.unanswered === 2);
  fixture.simulator.setOutage(false);
  await leaseByLease(id!, 'paid');

  expect((await fixture.order(id!)).attempts).toBe(1);
  expect(fixture.simulator.stateOf(`${id}:2`)).toBeUndefined();
});

test('an attempt that fails after somebody else took its lease over begins no new attempt', async () => {
  const tooLate: PaymentProvider = {
    ...fixture.simulator,
    async charge({ orderId }) {
      fixture.passTime(LEASE_MS);
      expect(await fixture.ledger.lease([orderId], LEASE_MS)).toMatchObject([{ attempt: 1, leases: 2 }]);
      throw new AppError('unavailable', 'refused, but late');
    },
  };
  const processor = fixture.processor({ provider: tooLate, timing: { sweepEveryMs: 60_000 } });
  await processor.start({ consume: true });
  const [id] = await fixture.reserve('anybody');
  fixture.announce([id!]);
  await until(async () => (await fixture.order(id!)).attempts === 1 && processor.stats.inFlight === 0);
  expect(await fixture.order(id!)).toMatchObject({ status: 'charging', attempts: 1 });
});

test('an attempt that fails after its lease has ended, which nobody took over, is tried again', async () => {
  let charges = 0;
  const lateOnce: PaymentProvider = {
    ...fixture.simulator,
    async charge(request) {
      if (++charges > 1) return fixture.simulator.charge(request);
      fixture.passTime(LEASE_MS);
      throw new AppError('unavailable', 'refused, but late');
    },
  };
  const processor = fixture.processor({ provider: lateOnce, timing: { sweepEveryMs: 60_000 } });
  await processor.start({ consume: true });
  const [id] = await fixture.reserve('anybody');
  fixture.announce([id!]);
  await untilStatus(id!, 'paid');
  expect((await fixture.order(id!)).attempts).toBe(2);
});

test('an order is not expired while it is being charged', async () => {
  const answer = Promise.withResolvers<void>();
  const slow: PaymentProvider = {
    ...fixture.simulator,
    async charge(request) {
      await answer.promise;
      return fixture.simulator.charge(request);
    },
  };
  const processor = fixture.processor({ provider: slow, timing: { leaseMs: 2 * HOLD_MS } });
  await processor.start({ consume: true });
  const [charged, waiting] = await fixture.reserve('anybody', 'somebody');
  fixture.announce([charged!]);
  await untilStatus(charged!, 'charging');
  fixture.passTime(HOLD_MS);
  await untilStatus(waiting!, 'expired');
  expect((await fixture.order(charged!)).status).toBe('charging');

  answer.resolve();
  await untilStatus(charged!, 'paid');
  await expectBooks({ available: UNITS - 1, reserved: 0, sold: 1 });
});

test('a message that is not a list of order ids is dead-lettered, and its neighbours are charged', async () => {
  const processor = fixture.processor();
  const [id] = await fixture.reserve('anybody');
  await fixture.queue.publish('payments', [
    { body: 'rubbish', items: 1 },
    { body: JSON.stringify([id]), items: 1 },
    { body: '{"orders":[]}', items: 1 },
  ]);
  await processor.start({ consume: true });
  await untilStatus(id!, 'paid');
  const letters = await fixture.queue.deadLetters('payments', 10);
  expect(letters.map(({ body }) => body)).toEqual(['rubbish', '{"orders":[]}']);
});

test('P3 what is no order id is dead-lettered by itself, also after a crash, and its neighbours are charged', async () => {
  const processor = fixture.processor();
  const [one, two] = (await fixture.reserve('anybody', 'somebody')) as [string, string];
  await fixture.queue.publish('payments', [
    { body: JSON.stringify([1, one, 'rubbish']), items: 3 },
    { body: JSON.stringify([two, null]), items: 2 },
    { body: '[]', items: 1 },
  ]);
  fixture.store.db.run('UPDATE messages SET deliveries = 1 WHERE id % 2 = 0');
  await processor.start({ consume: true });
  await untilStatus(one, 'paid');
  await untilStatus(two, 'paid');
  await until(async () => (await fixture.queue.deadLetters('payments', 10)).length === 3);
  const letters = await fixture.queue.deadLetters('payments', 10);
  expect(letters.map(({ body, cause }) => [body, cause]).toSorted()).toEqual([
    ['[1,"rubbish"]', 'unreadable message: no order id'],
    ['[]', 'unreadable message: an empty list'],
    ['[null]', 'unreadable message: no order id'],
  ]);
});

test('an order that cannot be leased holds up no other', async () => {
  const [good, bad] = await fixture.reserve('anybody', 'somebody');
  const ledger = {
    ...fixture.ledger,
    lease(ids: readonly string[], leaseMs: number) {
      if (ids.includes(bad!)) throw new Error('a broken row');
      return fixture.ledger.lease(ids, leaseMs);
    },
  };
  const processor = fixture.processor({ ledger });
  fixture.announce([bad!, good!]);
  await processor.start({ consume: true });
  await untilStatus(good!, 'paid');
  expect((await fixture.order(bad!)).status).toBe('reserved');
});

test('results wait while the ledger cannot write, and are recorded when it can', async () => {
  let refusals = 0;
  const ledger = {
    ...fixture.ledger,
    settle(results: Parameters<typeof fixture.ledger.settle>[0]) {
      if (++refusals <= 2) throw new AppError('unavailable', 'disk full');
      return fixture.ledger.settle(results);
    },
  };
  const processor = fixture.processor({ ledger });
  await processor.start({ consume: true });
  const [id] = await fixture.reserve('anybody');
  fixture.announce([id!]);
  await untilStatus(id!, 'paid');
  expect((await fixture.order(id!)).attempts).toBe(1);
});

test('closing waits for charges under way and records them', async () => {
  const processor = fixture.processor();
  await processor.start({ consume: true });
  const [id] = await fixture.reserve('anybody');
  fixture.announce([id!]);
  await until(() => processor.stats.inFlight === 1);
  await processor.close();
  expect((await fixture.order(id!)).status).toBe('paid');
});

test('closing publishes the orders that were only remembered', async () => {
  const processor = fixture.processor();
  fixture.announce(await fixture.reserve('anybody', 'somebody'));
  expect(await readyPayments()).toBe(0);
  await processor.close();
  expect(await readyPayments()).toBe(2);
});

test('closing ends by its deadline although the provider does not answer', async () => {
  const processor = fixture.processor({
    provider: silent(fixture.simulator),
    timing: { closeDeadlineMs: 50 },
  });
  await processor.start({ consume: true });
  const [id] = await fixture.reserve('anybody');
  fixture.announce([id!]);
  await until(() => processor.stats.inFlight === 1);
  const closingAtMs = performance.now();
  await processor.close();
  expect(performance.now() - closingAtMs).toBeLessThan(1_000);
  expect((await fixture.order(id!)).status).toBe('charging');
});

/** Carries every charge out and answers none, as to a process that is killed meanwhile. */
function silent(provider: PaymentProvider): PaymentProvider {
  return {
    ...provider,
    charge(request) {
      void provider.charge(request).catch(() => {});
      return new Promise<ChargeAnswer>(() => {});
    },
  };
}

test('an order whose charge failed is tried again after the pause, and not at once', async () => {
  const askedAtMs: number[] = [];
  const provider: PaymentProvider = {
    ...fixture.simulator,
    charge() {
      askedAtMs.push(performance.now());
      throw new AppError('unavailable', 'for the test');
    },
  };
  await fixture.processor({ provider }).start({ consume: true });
  fixture.announce(await fixture.reserve('anybody'));
  await until(() => askedAtMs.length >= 3);
  // The least that the first two pauses may be, see backoffMs.
  const [first, second, third] = askedAtMs as [number, number, number];
  expect(second - first).toBeGreaterThan(100);
  expect(third - second).toBeGreaterThan(200);
});
