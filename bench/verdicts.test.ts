import { expect, test } from 'bun:test';
import { CrowdRecord } from './crowd-record.ts';
import { customerOf } from './requests.ts';
import { type BookEntry, type Evidence, judge } from './verdicts.ts';

const SEED = 3;

/** Four buyers, three units: one sync sale and one refusal, one async sale and one rejection. All is well. */
function soundSale() {
  const record = new CrowdRecord(Uint8Array.of(0, 0, 1, 1));
  record.set(0, 'sold', { id: 'order-0', remaining: 1 });
  record.set(1, 'refused', { code: 'sold_out', remaining: 0 });
  record.set(2, 'confirmed', { id: 'order-2' });
  record.set(3, 'rejected', { id: 'ticket-3', code: 'sold_out' });
  const entries = new Map<string, BookEntry>([
    ['order-0', order('order-0', 0, 'sync')],
    ['order-2', order('order-2', 2, 'async')],
    ['ticket-3', { kind: 'refused', code: 'sold_out' }],
  ]);
  const product = { total: 2, reserved: 1, sold: 1 };
  const customers = [customerOf(SEED, 0), customerOf(SEED, 2)];
  return {
    record,
    entries,
    product,
    customers,
    productId: 1,
    quantity: 1,
    seed: SEED,
    units: 2,
    stockTold: 0,
  };
}

function order(id: string, buyer: number, channel: 'sync' | 'async'): BookEntry {
  return {
    kind: 'order',
    order: { id, productId: 1, quantity: 1, customer: customerOf(SEED, buyer), channel },
  };
}

/** Names of the verdicts that fail. */
function failures(evidence: Evidence): string[] {
  return judge(evidence).flatMap((verdict) => (verdict.pass ? [] : [verdict.name]));
}

test('a sound sale passes every verdict', () => {
  expect(failures(soundSale())).toEqual([]);
});

test('a purchase refused at acceptance needs no entry in the books', () => {
  const sale = soundSale();
  sale.entries.delete('ticket-3');
  expect(failures(sale)).toEqual([]);
});

test('P1 a refusal is final: an order of somebody who was refused is found', () => {
  for (const buyer of [1, 3]) {
    const sale = soundSale();
    sale.customers.push(customerOf(SEED, buyer));
    expect(failures(sale)).toEqual(['every refusal is final']);
  }
});

test('a unit too many is an oversell', () => {
  const sale = soundSale();
  sale.product = { total: 2, reserved: 1, sold: 2 };
  sale.record.set(1, 'sold', { id: 'order-1' });
  sale.entries.set('order-1', order('order-1', 1, 'sync'));
  expect(failures(sale)).toContain('no oversell');
});

test('a granted answer whose order is missing, or is somebody else’s, is found', () => {
  const missing = soundSale();
  missing.entries.delete('order-0');
  expect(failures(missing)).toEqual(['every grant has its order']);
  const swapped = soundSale();
  swapped.entries.set('order-0', order('order-0', 1, 'sync'));
  expect(failures(swapped)).toEqual(['every grant has its order']);
});

test('an outcome that the books contradict is found', () => {
  const sale = soundSale();
  sale.entries.set('ticket-3', order('ticket-3', 3, 'async'));
  expect(failures(sale)).toEqual(['every tracking id has its outcome']);
  sale.entries.set('ticket-3', { kind: 'refused', code: 'limit_reached' });
  expect(failures(sale)).toEqual(['every tracking id has its outcome']);
});

test('a 202 whose outcome never came fails twice: as an acceptance and as a buyer', () => {
  const sale = soundSale();
  sale.record.set(3, 'accepted', { id: 'ticket-3' });
  expect(failures(sale)).toEqual(['every tracking id has its outcome', 'every buyer was answered']);
});

test('an order that nobody was told of is found, unless someone may not know of theirs', () => {
  const sale = soundSale();
  sale.record.set(0, 'refused', { code: 'sold_out' });
  sale.entries.delete('order-0');
  sale.customers[0] = 'a stranger';
  expect(failures(sale)).toEqual(['every order was told to its buyer']);
  sale.record.set(1, 'unknown', {});
  expect(failures(sale)).toEqual(['every buyer was answered']);
});

test('a unit kept from buyers who wanted it is found', () => {
  const sale = soundSale();
  sale.record.set(0, 'refused', { code: 'sold_out' });
  sale.customers.shift();
  sale.product = { total: 2, reserved: 0, sold: 1 };
  sale.stockTold = 1;
  expect(failures(sale)).toEqual(['every unit wanted was sold']);
});

test('one id for two buyers is found', () => {
  const sale = soundSale();
  sale.record.set(2, 'confirmed', { id: 'order-0' });
  expect(failures(sale)).toContain('every id is given once');
});

test('a stock that is told differently from the books is found', () => {
  expect(failures({ ...soundSale(), stockTold: 1 })).toEqual(['the stock told is that of the books']);
});
