import { expect, test } from 'bun:test';
import { createOutage, OUTAGE_ORDERS } from './outage.ts';

const fail = (outage: ReturnType<typeof createOutage>, orders: number) => {
  for (let i = 0; i < orders; i++) outage.heard(`order-${i}`, false);
};

test('P9 one order that fails a thousand times is no outage', () => {
  const outage = createOutage();
  for (let i = 0; i < 1_000; i++) outage.heard('order-1', false);
  expect(outage.isOn()).toBe(false);
});

test('P9 failures between which the company answers are no outage', () => {
  const outage = createOutage();
  for (let i = 0; i < 10; i++) {
    fail(outage, OUTAGE_ORDERS - 1);
    outage.heard('another', true);
  }
  expect(outage.isOn()).toBe(false);
});

test('so many different orders in a row are one, with longer and longer pauses, until one is answered', () => {
  const outage = createOutage();
  fail(outage, OUTAGE_ORDERS);
  expect(outage.isOn()).toBe(true);
  const pausesMs = Array.from({ length: 10 }, () => outage.nextPauseMs());
  expect(pausesMs[0]).toBeLessThanOrEqual(100);
  expect(pausesMs.at(-1)).toBeGreaterThanOrEqual(2_500);
  expect(Math.max(...pausesMs)).toBeLessThanOrEqual(5_000);

  outage.heard('order-1', true);
  expect(outage.isOn()).toBe(false);
  fail(outage, OUTAGE_ORDERS);
  expect(outage.nextPauseMs()).toBeLessThanOrEqual(100);
});
