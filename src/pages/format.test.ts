import { expect, test } from 'bun:test';
import { counted, duration, money, remaining } from './format.ts';

test.each([
  [99_999, 'USD', '$999.99'],
  [5_000, 'JPY', '¥5,000'],
  [1_234, 'KWD', 'KWD\u00a01.234'],
  [900_000_000_000_000, 'EUR', '€9,000,000,000,000.00'],
])('%d minor units of %s are %s', (amount, currency, shown) => {
  expect(money(amount, currency)).toBe(shown);
});

test.each([
  [-5, '00:00'],
  [1, '00:01'],
  [59_001, '01:00'],
  [3_600_000, '01:00:00'],
  [2 * 86_400_000 + 11_000, '2 d 00:00:11'],
])('%d ms are shown as %s', (ms, shown) => {
  expect(remaining(ms)).toBe(shown);
});

test('what took a moment took a millisecond at least', () => {
  expect([duration(0.2), duration(6.4), duration(999.6), duration(1_449)]).toEqual([
    '1 ms',
    '6 ms',
    '1.0 s',
    '1.4 s',
  ]);
});

test('one is not many', () => {
  expect([counted(1, 'unit'), counted(1_200, 'unit'), counted(0, 'try', 'tries')]).toEqual([
    '1 unit',
    '1,200 units',
    '0 tries',
  ]);
});
