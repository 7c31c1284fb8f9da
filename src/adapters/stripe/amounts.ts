import { CURRENCIES } from '../../domain/currencies.ts';
import { digitsOf } from '../../domain/money.ts';

/**
 * Amounts as Stripe counts them (docs.stripe.com/currencies, as of November 2026). Ours are in minor units of ISO 4217; Stripe's differ
 * where a currency has lost its fractions and Stripe has kept them, or the other way round.
 */

/** Digits after the point of an amount at Stripe; 2 where it says nothing. */
const DIGITS: Readonly<Record<string, number>> = Object.fromEntries([
  ...'BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF'.split(' ').map((code) => [code, 0]),
  ...'BHD IQD JOD KWD LYD OMR TND'.split(' ').map((code) => [code, 3]),
]);

/** Amounts at Stripe must be multiples of this: the card networks know no thousandths, and no fractions of ISK and UGX. */
const STEP: Readonly<Record<string, number>> = Object.fromEntries([
  ...'BHD IQD JOD KWD LYD OMR TND'.split(' ').map((code) => [code, 10]),
  ...['ISK', 'UGX'].map((code) => [code, 100]),
]);

/** The least that Stripe charges, in its units. Elsewhere the least is half a dollar after conversion, which only Stripe can tell. */
const LEAST: Readonly<Record<string, number>> = {
  ...{ AED: 200, AUD: 50, BRL: 50, CAD: 50, CHF: 50, CZK: 1500, DKK: 250, EUR: 50, GBP: 30, HKD: 400 },
  ...{ HUF: 17_500, INR: 50, JPY: 50, MXN: 1000, MYR: 200, NOK: 300, NZD: 50, PLN: 200, RON: 200 },
  ...{ SEK: 300, SGD: 50, THB: 1000, USD: 50 },
};
/** Eight digits; a few currencies may have more. */
const MOST = 99_999_999;

/** An amount in minor units of ISO 4217, as Stripe counts it; a fraction where Stripe has no such amount. */
export function stripeAmount(amountMinor: number, currency: string): number {
  const digits = digitsOf(currency) - (DIGITS[currency] ?? 2);
  return digits > 0 ? amountMinor / 10 ** digits : amountMinor * 10 ** -digits;
}

/** An amount as Stripe counts it, in minor units of ISO 4217. */
export function minorAmount(amount: number, currency: string): number {
  const digits = digitsOf(currency) - (DIGITS[currency] ?? 2);
  return digits > 0 ? amount * 10 ** digits : amount / 10 ** -digits;
}

/** Why Stripe takes no payment of this amount (minor units of ISO 4217); null when it does, as far as a table can tell. */
export function amountRefusal(amountMinor: number, currency: string): string | null {
  if (!CURRENCIES.includes(currency)) return `the payment company takes no ${currency}`;
  const amount = stripeAmount(amountMinor, currency);
  const step = STEP[currency] ?? 1;
  const inMinor = (stripe: number) => `${minorAmount(stripe, currency)} (minor units of ${currency})`;
  if (!Number.isInteger(amount / step)) {
    const unit = Math.max(minorAmount(step, currency), 1);
    return `the payment company takes multiples of ${unit} (minor units of ${currency}) alone`;
  }
  const least = LEAST[currency] ?? step;
  if (amount < least) return `the payment company takes no less than ${inMinor(least)}`;
  return amount > MOST ? `the payment company takes no more than ${inMinor(MOST)}` : null;
}
