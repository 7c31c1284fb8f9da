import { afterEach, beforeEach, expect, test } from 'bun:test';
import {
  HOLD_MS,
  LEASE_MS,
  openHouse,
  RECONCILE_AGE_MS,
  UNITS,
} from '../../../tests/support/settlement-house.ts';
import { until } from '../../../tests/support/until.ts';
import { AppError } from '../../domain/errors.ts';
import type { OrderStatus } from '../../domain/order.ts';
import type { ChargeAnswer, PaymentProvider } from '../../ports/provider.ts';
import { OUTAGE_ORDERS } from './outage.ts';

/** The pauses of an outage that goes on are longer than this. */
const SOONER_THAN_A_PAUSE_MS = 2_000;
const FAILED_DEADLINE_MS = 10_000;

let house: ReturnType<typeof openHouse>;

beforeEach(async () => {
  house = openHouse();
  await house.open();
});
afterEach(() => house.close());

async function untilStatus(orderId: string, status: OrderStatus): Promise<void> {
  await until(async () => (await house.order(orderId)).status === status);
}

/** Lets leases end, one after the other, until the order has this status. */
async function leaseByLease(orderId: string, status: OrderStatus): Promise<void> {
  await until(async () => {
    house.passTime(LEASE_MS);
    await Bun.sleep(20);
    return (await house.order(orderId)).status === status;
  });
}

async function expectBooks(expected: { available: number; reserved: number; sold: number }): Promise<void> {
  expect(await house.books()).toEqual({ total: UNITS, ...expected, breaches: [] });
}

async function readyPayments(): Promise<number> {
  return (await house.queue.status()).find(({ name }) => name === 'payments')!.ready;
}

test('a reserved order is charged and paid', async () => {
  const settlement = house.settlement();
  await settlement.start({ consume: true });
  const [id] = await house.reserve('anybody');
  settlement.enqueue([id!]);
  await untilStatus(id!, 'paid');

  await expectBooks({ available: UNITS - 1, reserved: 0, sold: 1 });
  await until(() => settlement.stats.inFlight === 0);
  expect(settlement.stats).toMatchObject({ paid: 1, declined: 0, expired: 0, failedAttempts: 0 });
  expect((await house.ledger.order(id!))!.payments).toMatchObject([
    { attempt: 1, status: 'captured', amountMinor: 1_000 },
  ]);
});

test('a declined order gives its units back, and says so', async () => {
  const settlement = house.settlement();
  await settlement.start({ consume: true });
  const [id] = await house.reserve('test_decline');
  settlement.enqueue([id!]);
  await untilStatus(id!, 'declined');

  await expectBooks({ available: UNITS, reserved: 0, sold: 0 });
  await until(() => settlement.stats.declined === 1);
  expect(house.standings.at(-1)).toMatchObject({ productId: 1, available: UNITS });
});

test('with charging off, charges are queued, and holds that run out give their units back all the same', async () => {
  const settlement = house.settlement();
  await settlement.start({ consume: false });
  const [id] = await house.reserve('anybody');
  settlement.enqueue([id!]);
  await until(async () => (await readyPayments()) === 1);
  expect((await house.order(id!)).status).toBe('reserved');

  house.passTime(HOLD_MS);
  await untilStatus(id!, 'expired');
  await expectBooks({ available: UNITS, reserved: 0, sold: 0 });
  expect(house.standings.at(-1)).toMatchObject({ available: UNITS });
  expect(settlement.stats.expired).toBe(1);
});

test('an order whose hold ran out in the queue is not charged', async () => {
  const [id] = await house.reserve('anybody');
  house.passTime(HOLD_MS);
  const settlement = house.settlement();
  settlement.enqueue([id!]);
  await settlement.start({ consume: true });
  await untilStatus(id!, 'expired');
  await until(async () => (await readyPayments()) === 0);

  expect(house.simulator.stateOf(`${id}:1`)).toBeUndefined();
  await expectBooks({ available: UNITS, reserved: 0, sold: 0 });
});

test('a charge that is never answered keeps its key, is cancelled after some leases, and expires', async () => {
  const settlement = house.settlement();
  await settlement.start({ consume: true });
  const [id] = await house.reserve('test_timeout');
  settlement.enqueue([id!]);
  await until(() => settlement.stats.unanswered === 1);
  expect((await house.order(id!)).status).toBe('charging');
  await leaseByLease(id!, 'expired');

  expect((await house.order(id!)).attempts).toBe(1);
  expect(house.simulator.stateOf(`${id}:1`)).toBe('cancelled');
  expect(house.simulator.stateOf(`${id}:2`)).toBeUndefined();
  expect(settlement.stats.unanswered).toBe(3);
  await expectBooks({ available: UNITS, reserved: 0, sold: 0 });
});

test('an unanswered charge is cancelled at once when its hold has run out', async () => {
  const settlement = house.settlement();
  await settlement.start({ consume: true });
  const [id] = await house.reserve('test_timeout');
  settlement.enqueue([id!]);
  await until(() => settlement.stats.unanswered === 1);
  house.passTime(HOLD_MS);
  await untilStatus(id!, 'expired');

  expect(house.simulator.stateOf(`${id}:1`)).toBe('cancelled');
  expect(settlement.stats.unanswered).toBe(1);
  await expectBooks({ available: UNITS, reserved: 0, sold: 0 });
});

test('a charge that captured without an answer ends paid, charged once', async () => {
  const settlement = house.settlement();
  await settlement.start({ consume: true });
  const [id] = await house.reserve('test_late');
  settlement.enqueue([id!]);
  await until(() => settlement.stats.unanswered === 1);
  await leaseByLease(id!, 'paid');

  expect((await house.order(id!)).attempts).toBe(1);
  await expectBooks({ available: UNITS - 1, reserved: 0, sold: 1 });
});

test('a charge that captured without an answer ends paid even when its hold has run out meanwhile', async () => {
  const settlement = house.settlement();
  await settlement.start({ consume: true });
  const [id] = await house.reserve('test_late');
  settlement.enqueue([id!]);
  await until(() => settlement.stats.unanswered === 1);
  house.passTime(HOLD_MS);
  await untilStatus(id!, 'paid');
  await expectBooks({ available: UNITS - 1, reserved: 0, sold: 1 });
});

test('the charges of a killed process are taken over with the same key when their lease ends', async () => {
  const killed = house.settlement({ provider: silent(house.simulator) });
  await killed.start({ consume: true });
  const [id] = await house.reserve('anybody');
  killed.enqueue([id!]);
  await until(() => house.simulator.stateOf(`${id}:1`) === 'captured');
  await killed.close();
  expect((await house.order(id!)).status).toBe('charging');

  const next = house.settlement();
  await next.start({ consume: true });
  house.passTime(LEASE_MS);
  await untilStatus(id!, 'paid');
  expect((await house.order(id!)).attempts).toBe(1);
  await expectBooks({ available: UNITS - 1, reserved: 0, sold: 1 });
});

test('an order whose message was lost is found and charged', async () => {
  const settlement = house.settlement();
  await settlement.start({ consume: true });
  const [id] = await house.reserve('anybody');
  house.passTime(RECONCILE_AGE_MS);
  await untilStatus(id!, 'paid');
  await expectBooks({ available: UNITS - 1, reserved: 0, sold: 1 });
});

test('a queue that takes nothing is reported, and its orders are charged later', async () => {
  let isDown = true;
  const queue = {
    ...house.queue,
    publish: (...args: Parameters<typeof house.queue.publish>) =>
      isDown ? Promise.reject(new AppError('unavailable', 'down')) : house.queue.publish(...args),
  };
  const settlement = house.settlement({ queue });
  await settlement.start({ consume: true });
  const [id] = await house.reserve('anybody');
  settlement.enqueue([id!]);
  await until(() => house.troubles.length > 0);
  isDown = false;
  house.passTime(RECONCILE_AGE_MS);
  await untilStatus(id!, 'paid');
});

test('orders of an outage are tried again with new keys, and paid once it is over', async () => {
  const settlement = house.settlement();
  await settlement.start({ consume: true });
  house.simulator.setOutage(true);
  const ids = await house.reserve(...Array.from({ length: 30 }, (_, i) => `customer-${i}`));
  settlement.enqueue(ids);
  await until(() => settlement.stats.failedAttempts >= ids.length + 1);
  expect(settlement.stats.paid).toBe(0);

  house.simulator.setOutage(false);
  await until(() => settlement.stats.paid === ids.length);
  await expectBooks({ available: UNITS - 30, reserved: 0, sold: 30 });
  const { payments } = (await house.ledger.order(ids[0]!))!;
  expect(payments.at(-1)!.status).toBe('captured');
  expect(payments.slice(0, -1).every(({ status }) => status === 'failed')).toBe(true);
});

test('P9 an order whose charge fails again and again makes no other one wait', async () => {
  const bad: string[] = [];
  const picky: PaymentProvider = {
    ...house.simulator,
    charge: (request) =>
      bad.includes(request.orderId)
        ? Promise.reject(new AppError('unavailable', 'not this one'))
        : house.simulator.charge(request),
  };
  const settlement = house.settlement({ provider: picky });
  await settlement.start({ consume: true });
  bad.push(...(await house.reserve('anybody')));
  // More often than it takes orders to make an outage.
  for (let attempts = 1; attempts <= OUTAGE_ORDERS + 8; attempts++) {
    settlement.enqueue(bad);
    await until(() => settlement.stats.failedAttempts >= attempts, FAILED_DEADLINE_MS);
  }
  const [good] = await house.reserve('somebody');
  settlement.enqueue([good!]);
  await until(async () => (await house.order(good!)).status === 'paid', SOONER_THAN_A_PAUSE_MS);
});

test('an outage during a takeover begins no new attempt, because the first ask may have charged', async () => {
  const settlement = house.settlement();
  await settlement.start({ consume: true });
  const [id] = await house.reserve('test_late');
  settlement.enqueue([id!]);
  await until(() => settlement.stats.unanswered === 1);
  house.simulator.setOutage(true);
  house.passTime(LEASE_MS);
  await until(() => settlement.stats.unanswered === 2);
  house.simulator.setOutage(false);
  await leaseByLease(id!, 'paid');

  expect((await house.order(id!)).attempts).toBe(1);
  expect(house.simulator.stateOf(`${id}:2`)).toBeUndefined();
});

test('an attempt that fails after somebody else took its lease over begins no new attempt', async () => {
  const tooLate: PaymentProvider = {
    ...house.simulator,
    async charge({ orderId }) {
      house.passTime(LEASE_MS);
      expect(await house.ledger.lease([orderId], LEASE_MS)).toMatchObject([{ attempt: 1, leases: 2 }]);
      throw new AppError('unavailable', 'refused, but late');
    },
  };
  const settlement = house.settlement({ provider: tooLate, timing: { sweepEveryMs: 60_000 } });
  await settlement.start({ consume: true });
  const [id] = await house.reserve('anybody');
  settlement.enqueue([id!]);
  await until(async () => (await house.order(id!)).attempts === 1 && settlement.stats.inFlight === 0);
  expect(await house.order(id!)).toMatchObject({ status: 'charging', attempts: 1 });
});

test('an attempt that fails after its lease has ended, which nobody took over, is tried again', async () => {
  let charges = 0;
  const lateOnce: PaymentProvider = {
    ...house.simulator,
    async charge(request) {
      if (++charges > 1) return house.simulator.charge(request);
      house.passTime(LEASE_MS);
      throw new AppError('unavailable', 'refused, but late');
    },
  };
  const settlement = house.settlement({ provider: lateOnce, timing: { sweepEveryMs: 60_000 } });
  await settlement.start({ consume: true });
  const [id] = await house.reserve('anybody');
  settlement.enqueue([id!]);
  await untilStatus(id!, 'paid');
  expect((await house.order(id!)).attempts).toBe(2);
});

test('an order is not expired while it is being charged', async () => {
  const answer = Promise.withResolvers<void>();
  const slow: PaymentProvider = {
    ...house.simulator,
    async charge(request) {
      await answer.promise;
      return house.simulator.charge(request);
    },
  };
  const settlement = house.settlement({ provider: slow, timing: { leaseMs: 2 * HOLD_MS } });
  await settlement.start({ consume: true });
  const [charged, waiting] = await house.reserve('anybody', 'somebody');
  settlement.enqueue([charged!]);
  await untilStatus(charged!, 'charging');
  house.passTime(HOLD_MS);
  await untilStatus(waiting!, 'expired');
  expect((await house.order(charged!)).status).toBe('charging');

  answer.resolve();
  await untilStatus(charged!, 'paid');
  await expectBooks({ available: UNITS - 1, reserved: 0, sold: 1 });
});

test('a message that is not a list of order ids is put aside, and its neighbours are charged', async () => {
  const settlement = house.settlement();
  const [id] = await house.reserve('anybody');
  await house.queue.publish('payments', [
    { body: 'rubbish', items: 1 },
    { body: JSON.stringify([id]), items: 1 },
    { body: '{"orders":[]}', items: 1 },
  ]);
  await settlement.start({ consume: true });
  await untilStatus(id!, 'paid');
  const letters = await house.queue.deadLetters('payments', 10);
  expect(letters.map(({ body }) => body)).toEqual(['rubbish', '{"orders":[]}']);
});

test('P3 what is no order id is put aside by itself, also after a crash, and its neighbours are charged', async () => {
  const settlement = house.settlement();
  const [one, two] = (await house.reserve('anybody', 'somebody')) as [string, string];
  await house.queue.publish('payments', [
    { body: JSON.stringify([1, one, 'rubbish']), items: 3 },
    { body: JSON.stringify([two, null]), items: 2 },
    { body: '[]', items: 1 },
  ]);
  house.store.db.run('UPDATE messages SET deliveries = 1 WHERE id % 2 = 0');
  await settlement.start({ consume: true });
  await untilStatus(one, 'paid');
  await untilStatus(two, 'paid');
  await until(async () => (await house.queue.deadLetters('payments', 10)).length === 3);
  const letters = await house.queue.deadLetters('payments', 10);
  expect(letters.map(({ body, cause }) => [body, cause]).toSorted()).toEqual([
    ['[1,"rubbish"]', 'unreadable message: no order id'],
    ['[]', 'unreadable message: an empty list'],
    ['[null]', 'unreadable message: no order id'],
  ]);
});

test('an order that cannot be leased holds up no other', async () => {
  const [good, bad] = await house.reserve('anybody', 'somebody');
  const ledger = {
    ...house.ledger,
    lease(ids: readonly string[], leaseMs: number) {
      if (ids.includes(bad!)) throw new Error('a broken row');
      return house.ledger.lease(ids, leaseMs);
    },
  };
  const settlement = house.settlement({ ledger });
  settlement.enqueue([bad!, good!]);
  await settlement.start({ consume: true });
  await untilStatus(good!, 'paid');
  expect((await house.order(bad!)).status).toBe('reserved');
});

test('results wait while the ledger cannot write, and are recorded when it can', async () => {
  let refusals = 0;
  const ledger = {
    ...house.ledger,
    settle(results: Parameters<typeof house.ledger.settle>[0]) {
      if (++refusals <= 2) throw new AppError('unavailable', 'disk full');
      return house.ledger.settle(results);
    },
  };
  const settlement = house.settlement({ ledger });
  await settlement.start({ consume: true });
  const [id] = await house.reserve('anybody');
  settlement.enqueue([id!]);
  await untilStatus(id!, 'paid');
  expect((await house.order(id!)).attempts).toBe(1);
});

test('closing waits for charges under way and records them', async () => {
  const settlement = house.settlement();
  await settlement.start({ consume: true });
  const [id] = await house.reserve('anybody');
  settlement.enqueue([id!]);
  await until(() => settlement.stats.inFlight === 1);
  await settlement.close();
  expect((await house.order(id!)).status).toBe('paid');
});

test('closing publishes the orders that were only remembered', async () => {
  const settlement = house.settlement();
  settlement.enqueue(await house.reserve('anybody', 'somebody'));
  expect(await readyPayments()).toBe(0);
  await settlement.close();
  expect(await readyPayments()).toBe(2);
});

test('closing ends by its deadline although the provider does not answer', async () => {
  const settlement = house.settlement({ provider: silent(house.simulator), timing: { closeDeadlineMs: 50 } });
  await settlement.start({ consume: true });
  const [id] = await house.reserve('anybody');
  settlement.enqueue([id!]);
  await until(() => settlement.stats.inFlight === 1);
  const closingAtMs = performance.now();
  await settlement.close();
  expect(performance.now() - closingAtMs).toBeLessThan(1_000);
  expect((await house.order(id!)).status).toBe('charging');
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
