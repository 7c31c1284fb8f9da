import { afterEach, beforeEach, expect, test } from 'bun:test';
import { HOLD_MS, LEASE_MS, openPaymentsFixture } from '../../../tests/support/payments-fixture.ts';
import { until } from '../../../tests/support/until.ts';
import { AppError } from '../../domain/errors.ts';
import type { OrderStatus } from '../../domain/order.ts';
import type { CaptureListener, PaymentProvider } from '../../ports/provider.ts';

/** Money that comes too late, or is told of twice: it pays for its order or goes back, and never disappears. */

const UNITS = 2;
let fixture: ReturnType<typeof openPaymentsFixture>;

beforeEach(async () => {
  fixture = openPaymentsFixture({ units: UNITS });
  await fixture.open();
});
afterEach(async () => {
  expect(await fixture.audit()).toEqual([]);
  expect((await fixture.books()).breaches).toEqual([]);
  await fixture.close();
});

async function untilStatus(orderId: string, status: OrderStatus): Promise<void> {
  await until(async () => (await fixture.order(orderId)).status === status);
}

/** The company, whose news of captures are held back until `letGo` is called. */
function heldBack(provider: PaymentProvider) {
  const held = Promise.withResolvers<void>();
  const holding: PaymentProvider = {
    ...provider,
    onCapture: (listener) => provider.onCapture((capture) => held.promise.then(() => listener(capture))),
  };
  return { provider: holding, letGo: held.resolve };
}

/** A company that charges at the first ask, says that it did not, and tells of it when asked to. */
function lying() {
  const told = Promise.withResolvers<CaptureListener>();
  let first: string | undefined;
  const provider: PaymentProvider = {
    ...fixture.simulator,
    async charge(request) {
      first ??= request.key;
      const answer = await fixture.simulator.charge(request);
      if (request.key === first) throw new AppError('unavailable', 'a lie');
      return answer;
    },
    onCapture(listener) {
      told.resolve(listener);
      return () => {};
    },
  };
  const tell = async () => (await told.promise)({ key: first!, providerId: `sim_${first}` });
  return { provider, tell };
}

test('a capture after a confirmed cancellation pays for its order, where units are left', async () => {
  const held = heldBack(fixture.simulator);
  const processor = fixture.processor({ provider: held.provider });
  await processor.start({ consume: true });
  const [id] = await fixture.reserve('test_too_late');
  fixture.announce([id!]);
  await until(() => processor.stats.unanswered > 0);
  fixture.passTime(HOLD_MS);
  await untilStatus(id!, 'expired');
  expect(await fixture.books()).toMatchObject({ available: UNITS, sold: 0 });

  await until(() => fixture.simulator.stateOf(`${id}:1`) === 'captured');
  held.letGo();
  await untilStatus(id!, 'paid');
  expect(await fixture.books()).toMatchObject({ available: UNITS - 1, sold: 1 });
  expect(fixture.news.map(({ status }) => status)).toEqual(['expired', 'paid']);
  expect(fixture.stock.at(-1)).toMatchObject({ available: UNITS - 1 });
});

test('a capture after a confirmed cancellation goes back, where others have the units', async () => {
  const held = heldBack(fixture.simulator);
  const processor = fixture.processor({ provider: held.provider });
  await processor.start({ consume: true });
  const [late] = await fixture.reserve('test_too_late');
  fixture.announce([late!]);
  await until(() => processor.stats.unanswered > 0);
  fixture.passTime(HOLD_MS);
  await untilStatus(late!, 'expired');
  const others = await fixture.reserve('a', 'b');
  fixture.announce(others);
  for (const id of others) await untilStatus(id, 'paid');

  await until(() => fixture.simulator.stateOf(`${late}:1`) === 'captured');
  held.letGo();
  await untilStatus(late!, 'refunded');
  expect(await fixture.books()).toMatchObject({ available: 0, sold: 2 });
  expect(fixture.simulator.stateOf(`${late}:1`)).toBe('refunded');
  expect(fixture.simulator.money('USD')).toEqual({ capturedMinor: 3_000, refundedMinor: 1_000 });
});

test('money for an order that was cancelled meanwhile goes back at once', async () => {
  const { provider, tell } = lying();
  const processor = fixture.processor({ provider, timing: { sweepEveryMs: 60_000 } });
  await processor.start({ consume: true });
  const [id] = await fixture.reserve('ada');
  fixture.announce([id!]);
  await until(() => processor.stats.failedAttempts === 1);
  expect(await fixture.ledger.cancel(id!, { customer: 'ada' })).toMatchObject({ kind: 'done' });
  await tell();
  await untilStatus(id!, 'refunded');
  expect(await fixture.books()).toMatchObject({ available: UNITS, sold: 0 });
});

test('money for an order that still waits pays for it, and no other attempt is made', async () => {
  const { provider, tell } = lying();
  const processor = fixture.processor({ provider });
  await processor.start({ consume: true });
  const [id] = await fixture.reserve('ada');
  fixture.announce([id!]);
  await until(() => processor.stats.failedAttempts === 1);
  await tell();
  await untilStatus(id!, 'paid');
  expect((await fixture.order(id!)).attempts).toBe(1);
});

test('of two captures one pays for the order and the other goes back', async () => {
  const { provider, tell } = lying();
  const processor = fixture.processor({ provider });
  await processor.start({ consume: true });
  const [id] = await fixture.reserve('ada');
  fixture.announce([id!]);
  await untilStatus(id!, 'paid');
  expect((await fixture.order(id!)).attempts).toBe(2);
  await tell();
  await until(() => fixture.simulator.stateOf(`${id}:1`) === 'refunded');
  await until(async () => (await fixture.ledger.refundsDue()).count === 0);
  const { order, payments } = (await fixture.ledger.order(id!))!;
  expect(order.status).toBe('paid');
  expect(payments.map(({ status }) => status)).toEqual(['refunded', 'captured']);
});

test('a capture that is told again and again counts once, also after it was given back', async () => {
  const told = Promise.withResolvers<CaptureListener>();
  const provider: PaymentProvider = {
    ...fixture.simulator,
    onCapture(listener) {
      told.resolve(listener);
      return fixture.simulator.onCapture(listener);
    },
  };
  const processor = fixture.processor({ provider });
  await processor.start({ consume: true });
  const [id] = await fixture.reserve('test_twice');
  fixture.announce([id!]);
  await untilStatus(id!, 'paid');
  await until(() => processor.stats.latePayments === 2);
  const operation = { id: Bun.randomUUIDv7(), actor: 'operator', action: 'order.refund' as const };
  await fixture.ledger.refund(id!, { ...operation, subject: `order/${id}`, reason: 'test', details: {} });
  await untilStatus(id!, 'refunded');
  await (await told.promise)({ key: `${id}:1`, providerId: `sim_${id}:1` });
  expect((await fixture.order(id!)).status).toBe('refunded');
  expect((await fixture.ledger.refundsDue()).count).toBe(0);
});

test('a capture is told again while the ledger cannot write', async () => {
  let refusals = 0;
  const ledger = {
    ...fixture.ledger,
    captureLate(captures: Parameters<typeof fixture.ledger.captureLate>[0]) {
      if (++refusals <= 2) throw new AppError('unavailable', 'disk full');
      return fixture.ledger.captureLate(captures);
    },
  };
  const processor = fixture.processor({ ledger });
  await processor.start({ consume: true });
  const [id] = await fixture.reserve('test_too_late');
  fixture.announce([id!]);
  await until(() => processor.stats.unanswered > 0);
  fixture.passTime(HOLD_MS);
  await untilStatus(id!, 'paid');
  expect(refusals).toBe(3);
});

test('a capture for no charge of ours is reported, and not asked for again', async () => {
  const told = Promise.withResolvers<CaptureListener>();
  const provider: PaymentProvider = {
    ...fixture.simulator,
    onCapture(listener) {
      told.resolve(listener);
      return () => {};
    },
  };
  await fixture.processor({ provider }).start({ consume: true });
  const listener = await told.promise;
  for (const key of ['somebody-else', 'x:0', ':1', 'x:1:2']) await listener({ key, providerId: 'p' });
  await listener({ key: `${crypto.randomUUID()}:1`, providerId: 'p' });
  expect(fixture.troubles.filter((trouble) => trouble === 'late payment refused')).toHaveLength(4);
});

test('a charge that nobody answers ends with its hold, whoever held its lease', async () => {
  const killed = fixture.processor();
  await killed.start({ consume: true });
  const [id] = await fixture.reserve('test_timeout');
  fixture.announce([id!]);
  await until(() => killed.stats.unanswered === 1);
  await killed.close();

  const next = fixture.processor();
  await next.start({ consume: true });
  fixture.passTime(LEASE_MS);
  await until(() => next.stats.unanswered === 1);
  fixture.passTime(HOLD_MS - LEASE_MS);
  await untilStatus(id!, 'expired');
  expect((await fixture.ledger.order(id!))!.payments).toMatchObject([{ attempt: 1, status: 'cancelled' }]);
  expect(await fixture.books()).toMatchObject({ available: UNITS, reserved: 0, sold: 0 });
});
