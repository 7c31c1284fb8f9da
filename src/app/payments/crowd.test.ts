import { expect, test } from 'bun:test';
import { openPaymentsFixture } from '../../../tests/support/payments-fixture.ts';
import { seedOf } from '../../../tests/support/seed.ts';
import { until } from '../../../tests/support/until.ts';
import type { PaymentProvider } from '../../ports/provider.ts';

const seed = seedOf(import.meta.path);
const FINAL = new Set(['paid', 'declined', 'expired']);

test('a crowd with every fault ends with each order decided, charged at most once, and the books balanced', async () => {
  const fixture = openPaymentsFixture({
    units: 1_000,
    simulator: {
      seed,
      declineRate: 0.2,
      errorRate: 0.1,
      timeoutRate: 0.1,
      duplicateRate: 0.1,
      tooLateRate: 0.1,
    },
  });
  await fixture.open();
  const processor = fixture.processor();
  await processor.start({ consume: true });
  const ids = await fixture.reserve(...Array.from({ length: 1_000 }, (_, i) => `customer-${i}`));
  for (let i = 0; i < ids.length; i += 90) fixture.announce(ids.slice(i, i + 90));

  await until(async () => {
    fixture.passTime(5_000);
    const found = await fixture.ledger.find(ids);
    return [...found.values()].every((one) => one.kind === 'order' && FINAL.has(one.order.status));
  }, 20_000);
  // Some of the money is still to come: captures that were cancelled, and are told later.
  await until(async () => (await fixture.audit()).length === 0);

  const { available, reserved, sold, breaches } = await fixture.books();
  expect({ sum: available + sold, reserved, breaches }).toEqual({ sum: 1_000, reserved: 0, breaches: [] });
  expect(sold).toBe(processor.stats.paid);

  for (const id of ids) {
    const { order, payments } = (await fixture.ledger.order(id))!;
    const captures = payments.filter(
      ({ attempt }) => fixture.simulator.stateOf(`${id}:${attempt}`) === 'captured',
    );
    expect({ id, captures: captures.length }).toEqual({ id, captures: order.status === 'paid' ? 1 : 0 });
  }
  await fixture.close();
}, 30_000);

test('charges under way are bounded; the rest waits in the queue', async () => {
  const fixture = openPaymentsFixture({ units: 3_000 });
  await fixture.open();
  let asked = 0;
  const silent: PaymentProvider = {
    ...fixture.simulator,
    charge() {
      asked++;
      return new Promise(() => {});
    },
  };
  const processor = fixture.processor({ provider: silent });
  fixture.announce(await fixture.reserve(...Array.from({ length: 3_000 }, (_, i) => `customer-${i}`)));
  await processor.start({ consume: true });
  await until(() => asked === 2_000);
  await until(async () => {
    const payments = (await fixture.queue.status()).find(({ name }) => name === 'payments')!;
    return payments.ready + payments.unacknowledged === 1_000;
  });
  expect(asked).toBe(2_000);
  expect(processor.stats.inFlight).toBe(2_000);
  await fixture.close();
});

test('while orders keep coming in, charging rests between its batches; afterwards it makes up for it', async () => {
  const fixture = openPaymentsFixture({ units: 2_000 });
  await fixture.open();
  const processor = fixture.processor();
  const ids = await fixture.reserve(...Array.from({ length: 2_000 }, (_, i) => `customer-${i}`));
  const rush = setInterval(() => fixture.announce([ids[0]!]), 5);
  fixture.announce(ids);
  const startedAtMs = performance.now();
  await processor.start({ consume: true });
  await until(() => processor.stats.paid >= 500);
  // Five batches with a rest of 100 ms between each and the next.
  expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(300);

  clearInterval(rush);
  await until(() => processor.stats.paid === 2_000);
  await fixture.close();
});
