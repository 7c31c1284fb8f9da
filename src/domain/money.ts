/** `1,999.99` for 199,999 minor units of USD, `200` for 200 of JPY: in the currency's own digits, and without its name. */
export function amountText(minor: number | bigint, currency: string): string {
  const digits = digitsOf(currency);
  const exact = BigInt(minor);
  const size = (exact < 0n ? -exact : exact).toString().padStart(digits + 1, '0');
  const whole = BigInt(size.slice(0, size.length - digits)).toLocaleString('en-US');
  return `${exact < 0n ? '-' : ''}${whole}${digits === 0 ? '' : `.${size.slice(-digits)}`}`;
}

/** Of the minor unit: 2 for most, 0 for JPY, 3 for KWD (ISO 4217, which ECMA-402 follows). */
export function digitsOf(currency: string): number {
  const { maximumFractionDigits } = new Intl.NumberFormat('en-US', {
    style: 'currency',
    currency,
  }).resolvedOptions();
  return maximumFractionDigits ?? 2;
}
