import { expect, test } from 'bun:test';
import type { Order, OrderStatus, Payment } from '../shapes.ts';
import { stepsOf } from './order-steps.tsx';

const ID = '01a2040e-e549-70c2-8a78-490084e26084';
const AT = '2026-11-22T16:20:14.796Z';

function shown(status: OrderStatus, attempts: number, isQueued = false): string[] {
  const payment = { attempt: 1, createdAt: AT, updatedAt: AT } as Payment;
  const order: Order = {
    orderId: ID,
    status,
    ...(status !== 'pending' && { createdAt: AT, updatedAt: AT }),
    payments: Array(attempts).fill(payment),
  };
  return stepsOf(order, isQueued).map(({ name, state }) => `${name}: ${state}`);
}

test.each<[OrderStatus, number, string[]]>([
  ['pending', 0, ['Reserved: now', 'Payment: later', 'Paid: later']],
  ['reserved', 0, ['Reserved: now', 'Payment: later', 'Paid: later']],
  ['reserved', 1, ['Reserved: done', 'Payment: done', 'Paid: later']],
  ['charging', 1, ['Reserved: done', 'Payment: now', 'Paid: later']],
  ['paid', 1, ['Reserved: done', 'Payment: done', 'Paid: done']],
  ['declined', 1, ['Reserved: done', 'Payment: done', 'Payment declined: bad']],
  ['expired', 0, ['Reserved: done', 'Expired: bad']],
  ['cancelled', 0, ['Reserved: done', 'Cancelled: bad']],
  ['refunding', 1, ['Reserved: done', 'Payment: done', 'Paid: done', 'Refund under way: now']],
  ['refunded', 1, ['Reserved: done', 'Payment: done', 'Paid: done', 'Refunded: done']],
])('an order that is %s after %d attempts', (status, attempts, steps) => {
  expect(shown(status, attempts)).toEqual(steps);
});

test('a queued purchase begins with the moment that stands in its id', () => {
  expect(shown('pending', 0, true)[0]).toBe('Queued: now');
  expect(stepsOf({ orderId: ID, status: 'rejected', updatedAt: AT }, true)).toEqual([
    { name: 'Queued', state: 'done', at: '2026-11-22T16:20:14.793Z' },
    { name: 'Not bought', state: 'bad', at: AT },
  ]);
});
