import { expect, test } from 'bun:test';
import { CURRENCIES } from '../../domain/currencies.ts';
import { amountRefusal, minorAmount, stripeAmount } from './amounts.ts';

test('an amount is counted as Stripe counts it, and back', () => {
  for (const [amountMinor, currency, amount] of [
    [1_999, 'USD', 1_999],
    [500, 'JPY', 500],
    [12_340, 'KWD', 12_340],
    [500, 'ISK', 50_000],
    [500, 'UGX', 50_000],
    [500, 'XAF', 500],
  ] as const) {
    expect([currency, stripeAmount(amountMinor, currency)]).toEqual([currency, amount]);
    expect([currency, minorAmount(amount, currency)]).toEqual([currency, amountMinor]);
  }
});

test('every currency has an amount that Stripe takes, and the way back is exact', () => {
  const taken = CURRENCIES.filter((currency) => {
    const amountMinor = 2_000_000;
    expect(minorAmount(stripeAmount(amountMinor, currency), currency)).toBe(amountMinor);
    return amountRefusal(amountMinor, currency) === null;
  });
  // What is worth little has too many digits.
  expect(CURRENCIES.filter((one) => !taken.includes(one))).toEqual(['ISK', 'UGX']);
});

test.each([
  [49, 'USD', 'no less than 50 '],
  [50, 'USD', null],
  [49, 'JPY', 'no less than 50 '],
  [99_999_999, 'USD', null],
  [100_000_000, 'USD', 'no more than 99999999 '],
  [1_005, 'KWD', 'multiples of 10 '],
  [1_000, 'KWD', null],
  [1, 'ISK', null],
  [0, 'EUR', 'no less than 50 '],
  [0, 'XAF', 'no less than 1 '],
  [100, 'XXX', 'takes no XXX'],
] as const)('a price of %d in %s is refused with %p', (amountMinor, currency, says) => {
  const refusal = amountRefusal(amountMinor, currency);
  if (says === null) expect(refusal).toBeNull();
  else expect(refusal).toContain(says);
});
