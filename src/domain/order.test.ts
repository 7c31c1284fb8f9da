import { expect, test } from 'bun:test';
import {
  amountMinor,
  nextStatus,
  type OrderEvent,
  type OrderStatus,
  SHOWN_STATUSES,
  unitsHeldAs,
} from './order.ts';

const STATUSES: readonly OrderStatus[] = [...SHOWN_STATUSES, 'returning'];

/** The picture above `nextStatus` as a table: what each event makes of the statuses it applies to. */
const TABLE: readonly (readonly [OrderEvent, Partial<Record<OrderStatus, OrderStatus>>])[] = [
  [{ type: 'charge', holdRuns: true }, { reserved: 'charging' }],
  [{ type: 'charge', holdRuns: false }, {}],
  [{ type: 'captured' }, { charging: 'paid' }],
  [{ type: 'declined' }, { charging: 'declined' }],
  [{ type: 'attempt_failed', holdRuns: true }, { charging: 'reserved' }],
  [{ type: 'attempt_failed', holdRuns: false }, { charging: 'expired' }],
  [{ type: 'give_up' }, { charging: 'expired' }],
  [{ type: 'expire' }, { reserved: 'expired' }],
  [{ type: 'cancel' }, { reserved: 'cancelled' }],
  [
    { type: 'late_capture', unitsLeft: true },
    { reserved: 'paid', expired: 'paid', cancelled: 'returning', declined: 'returning' },
  ],
  [
    { type: 'late_capture', unitsLeft: false },
    { reserved: 'paid', expired: 'returning', cancelled: 'returning', declined: 'returning' },
  ],
  [{ type: 'refund' }, { paid: 'refunding' }],
  [{ type: 'refunded' }, { refunding: 'refunded', returning: 'refunded' }],
];

test.each(TABLE)('%o applies to the statuses it is drawn for and to no other', (event, becomes) => {
  for (const status of STATUSES) {
    expect([status, nextStatus(status, event)]).toEqual([status, becomes[status] ?? null]);
  }
});

test('units are reserved until they are paid for, sold until the refund is through, and free otherwise', () => {
  expect(Object.fromEntries(STATUSES.map((status) => [status, unitsHeldAs(status)]))).toEqual({
    reserved: 'reserved',
    charging: 'reserved',
    paid: 'sold',
    refunding: 'sold',
    declined: null,
    expired: null,
    cancelled: null,
    returning: null,
    refunded: null,
  });
});

test('no event takes units that were given back, except money that came late', () => {
  for (const [event] of TABLE) {
    for (const status of STATUSES.filter((from) => unitsHeldAs(from) === null)) {
      const next = nextStatus(status, event);
      if (next !== null && unitsHeldAs(next)) expect(event.type).toBe('late_capture');
    }
  }
});

test('the largest order is charged exactly', () => {
  expect(amountMinor({ quantity: 1_000_000, priceMinor: 8_999_999_999 })).toBe(8_999_999_999_000_000);
});
