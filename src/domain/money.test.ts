import { expect, test } from 'bun:test';
import { CURRENCIES } from './currencies.ts';
import { amountText } from './money.ts';

test('an amount is written in the digits of its currency', () => {
  expect(amountText(199_999, 'USD')).toBe('1,999.99');
  expect(amountText(5, 'EUR')).toBe('0.05');
  expect(amountText(1_200, 'JPY')).toBe('1,200');
  expect(amountText(1_200, 'KWD')).toBe('1.200');
  expect(amountText(-50, 'USD')).toBe('-0.50');
  expect(amountText(12_345_678_901_234_567_890n, 'USD')).toBe('123,456,789,012,345,678.90');
});

test('every currency that can be paid with has digits', () => {
  for (const currency of CURRENCIES) expect(amountText(0, currency)).toMatch(/^0(\.0{2,4})?$/);
});
