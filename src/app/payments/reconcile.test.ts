import { expect, test } from 'bun:test';
import type { BookedPayment } from '../../ports/books.ts';
import type { ProviderPayment } from '../../ports/provider.ts';
import { reconcile } from './reconcile.ts';

const SPAN = { fromMs: 1_000, toMs: 2_000 };

const booked = (changes: Partial<BookedPayment> = {}): BookedPayment => ({
  orderId: 'a',
  attempt: 1,
  providerId: 'pi_1',
  amountMinor: 1_000,
  currency: 'USD',
  status: 'captured',
  dispute: null,
  refundFailed: false,
  createdAt: 1_500,
  ...changes,
});
const listed = (changes: Partial<ProviderPayment> = {}): ProviderPayment => ({
  key: 'a:1',
  providerId: 'pi_1',
  amountMinor: 1_000,
  currency: 'USD',
  status: 'captured',
  refundedMinor: 0,
  isDisputed: false,
  createdAt: 1_500,
  ...changes,
});
const kinds = (here: BookedPayment[], there: ProviderPayment[]) =>
  reconcile(here, there, SPAN).map(({ kind }) => kind);

test.each([
  ['captured', 'captured', 0],
  ['refunding', 'captured', 0],
  ['refunding', 'captured', 1_000],
  ['refunded', 'captured', 1_000],
  ['pending', 'open', 0],
  ['pending', 'authorised', 0],
  ['cancelled', 'cancelled', 0],
  ['failed', 'cancelled', 0],
  ['declined', 'cancelled', 0],
] as const)('%s here and %s there (%d went back) are the same', (here, there, refundedMinor) => {
  expect(kinds([booked({ status: here })], [listed({ status: there, refundedMinor })])).toEqual([]);
});

test.each([
  ['missing_there', [booked()], []],
  ['missing_here', [], [listed()]],
  ['missing_here', [], [listed({ status: 'authorised' })]],
  ['twice', [booked()], [listed(), listed({ providerId: 'pi_2' })]],
  ['amount', [booked()], [listed({ amountMinor: 999 })]],
  ['currency', [booked()], [listed({ currency: 'EUR' })]],
  ['not_captured_there', [booked()], [listed({ status: 'authorised' })]],
  ['not_captured_here', [booked({ status: 'cancelled' })], [listed()]],
  ['not_captured_here', [booked({ status: 'pending' })], [listed()]],
  ['still_open_there', [booked({ status: 'failed' })], [listed({ status: 'authorised' })]],
  ['still_open_there', [booked({ status: 'cancelled' })], [listed({ status: 'open' })]],
  ['not_refunded_there', [booked({ status: 'refunded' })], [listed()]],
  ['not_refunded_here', [booked()], [listed({ refundedMinor: 1_000 })]],
  ['disputed_there', [booked()], [listed({ isDisputed: true })]],
] as const)('%s is named', (kind, here, there) => {
  const found = reconcile([...here], [...there], SPAN);
  expect(found).toEqual([
    { kind, orderId: 'a', attempt: 1, providerId: expect.any(String), detail: expect.stringMatching(/\w/) },
  ]);
});

test('what the ledger knows already, took no money or is of another time is no difference', () => {
  expect(kinds([booked({ dispute: 'lost' })], [listed({ isDisputed: true })])).toEqual([]);
  expect(kinds([booked({ status: 'refunded', dispute: 'lost' })], [listed({ isDisputed: true })])).toEqual(
    [],
  );
  expect(kinds([booked({ status: 'refunded', refundFailed: true })], [listed()])).toEqual([]);
  expect(kinds([booked({ status: 'refunded', dispute: 'lost' })], [listed({ isDisputed: true })])).toEqual(
    [],
  );
  expect(kinds([booked({ status: 'failed' })], [])).toEqual([]);
  expect(kinds([], [listed({ status: 'cancelled' })])).toEqual([]);
  expect(kinds([booked()], [listed(), listed({ providerId: 'pi_2', status: 'cancelled' })])).toEqual([]);
  for (const createdAt of [999, 2_000]) {
    expect(kinds([booked({ createdAt })], [])).toEqual([]);
    expect(kinds([], [listed({ createdAt })])).toEqual([]);
  }
});

test('several differences of one payment are all named', () => {
  const there = listed({ amountMinor: 5, refundedMinor: 5, isDisputed: true });
  expect(kinds([booked()], [there])).toEqual(['amount', 'not_refunded_here', 'disputed_there']);
});
