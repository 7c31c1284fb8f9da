import { expect, test } from 'bun:test';
import { amountText, minorUnits } from './money-input.ts';

test('an amount is typed in the digits of its currency, and becomes exactly its minor units', () => {
  for (const [typed, currency, minor] of [
    ['999.99', 'USD', 99_999],
    ['0.07', 'USD', 7],
    ['1000', 'JPY', 1000],
    ['1.005', 'KWD', 1005],
    ['90000000', 'EUR', 9_000_000_000],
  ] as const) {
    expect(minorUnits(typed, currency)).toBe(minor);
    expect(minorUnits(amountText(minor, currency), currency)).toBe(minor);
  }
  expect(minorUnits('12', 'EUR')).toBe(1200);
  expect(minorUnits('12.5', 'EUR')).toBe(1250);
});

test('what is no amount of the currency is none at all', () => {
  for (const [typed, currency] of [
    ['0.005', 'USD'],
    ['1.5', 'JPY'],
    ['', 'USD'],
    ['-1', 'USD'],
    ['1e3', 'USD'],
    ['1,50', 'EUR'],
  ] as const)
    expect(minorUnits(typed, currency)).toBeNull();
});
