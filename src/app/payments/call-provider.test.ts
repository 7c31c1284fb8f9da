import { expect, test } from 'bun:test';
import { keptLog } from '../../../tests/support/kept-log.ts';
import { AppError } from '../../domain/errors.ts';
import type { Order } from '../../domain/order.ts';
import { TEST_CURRENCY } from '../../domain/product.ts';
import { NO_LOG } from '../../lib/log.ts';
import type { LeasedOrder } from '../../ports/payments.ts';
import type { BuyerPayments, PaymentProvider } from '../../ports/provider.ts';
import { CALLING_LEASES_MAX, callProvider } from './call-provider.ts';

type End = 'waiting' | 'captured' | 'declined' | 'cancelled' | 'unavailable' | 'outcome_unknown';

/** Lease, hold, what the provider does, what is called and what comes of it: the table above `callProvider`, row by row. */
const CASES: [
  leases: number,
  holdRuns: boolean,
  end: End,
  called: 'charge' | 'cancel',
  came: string | null,
][] = [
  [1, true, 'captured', 'charge', 'captured'],
  [1, true, 'declined', 'charge', 'declined'],
  [1, true, 'unavailable', 'charge', 'attempt_failed'],
  [1, true, 'outcome_unknown', 'charge', null],
  [2, true, 'captured', 'charge', 'captured'],
  [2, true, 'declined', 'charge', 'declined'],
  [2, true, 'unavailable', 'charge', null],
  [CALLING_LEASES_MAX, true, 'outcome_unknown', 'charge', null],
  [CALLING_LEASES_MAX + 1, true, 'cancelled', 'cancel', 'give_up'],
  [CALLING_LEASES_MAX + 1, true, 'captured', 'cancel', 'captured'],
  [CALLING_LEASES_MAX + 1, true, 'unavailable', 'cancel', null],
  [2, false, 'cancelled', 'cancel', 'give_up'],
  [2, false, 'captured', 'cancel', 'captured'],
  [2, false, 'outcome_unknown', 'cancel', null],
];

test.each(CASES)(
  'lease %d with the hold running (%p) and the provider answering %s: %s comes to %p',
  async (leases, holdRuns, end, called, came) => {
    const calls: string[] = [];
    const provider = answering(end, calls);
    const answer = await callProvider(provider, leased({ leases, holdRuns }), NO_LOG);
    expect(answer?.type ?? null).toBe(came as never);
    expect(calls).toEqual([`${called} order-7:4`]);
  },
);

test('where buyers pay, an attempt is cancelled when its hold has run out, and not by the number of its leases', async () => {
  const calls: string[] = [];
  const provider = { ...answering('waiting', calls), buyerPays: {} as BuyerPayments };
  const leases = CALLING_LEASES_MAX + 1;
  const answer = await callProvider(provider, leased({ leases }), NO_LOG);
  expect(answer?.type).toBe('waiting');
  await callProvider(provider, leased({ leases, holdRuns: false }), NO_LOG);
  expect(calls).toEqual(['charge order-7:4', 'cancel order-7:4']);
});

test('the payment company never hears of an order of a hidden product, whatever its lease', async () => {
  const calls: string[] = [];
  const provider = answering('declined', calls);
  for (const [leases, holdRuns] of [
    [1, true],
    [CALLING_LEASES_MAX + 1, true],
    [2, false],
  ] as const) {
    const one = leased({ leases, holdRuns });
    const order = { ...one.order, currency: TEST_CURRENCY };
    const answer = await callProvider(provider, { ...one, order }, NO_LOG);
    expect(answer).toEqual({ type: 'captured', providerId: 'rehearsal:order-7:4' });
  }
  expect(calls).toEqual([]);
});

test('B6 a company that cannot be reached is no place in the order that its buyer reads, and is in the log as it was', async () => {
  const error = new AppError('unavailable', 'connect ECONNREFUSED 10.0.0.5:443');
  const troubles: unknown[] = [];
  const away = { ...answering('captured', []), charge: () => Promise.reject(error) };
  expect(await callProvider(away, leased({}), keptLog([], troubles))).toEqual({
    type: 'attempt_failed',
    reason: 'The payment company cannot be reached.',
  });
  expect(troubles).toEqual([error]);
});

test('a bug in the provider is reported and leaves the outcome unknown', async () => {
  const troubles: unknown[] = [];
  const broken = {
    ...answering('captured', []),
    charge: () => {
      throw new TypeError('a bug');
    },
  };
  expect(await callProvider(broken, leased({}), keptLog([], troubles))).toBeNull();
  expect(troubles).toHaveLength(1);
});

function answering(end: End, calls: string[]): Pick<PaymentProvider, 'charge' | 'cancel' | 'buyerPays'> {
  async function answer<T>(call: string): Promise<T> {
    calls.push(call);
    if (end === 'unavailable' || end === 'outcome_unknown') throw new AppError(end, 'for the test');
    return { type: end, providerId: 'p', reason: 'r' } as T;
  }
  return {
    charge: ({ key }) => answer(`charge ${key}`),
    cancel: ({ key }) => answer(`cancel ${key}`),
    buyerPays: null,
  };
}

function leased(fields: Partial<LeasedOrder>): LeasedOrder {
  const order = { id: 'order-7', quantity: 2, priceMinor: 50, currency: 'USD', customer: null } as Order;
  return { order, attempt: 4, leases: 1, holdRuns: true, providerId: null, beganAt: 0, ...fields };
}
