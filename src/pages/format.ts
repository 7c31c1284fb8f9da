/** How the pages write money, numbers and times. Their language is English; the zone is the reader's. */

const LANGUAGE = 'en';
const WHOLE = new Intl.NumberFormat(LANGUAGE);
const TIME = new Intl.DateTimeFormat(LANGUAGE, { timeStyle: 'medium' });
const DAY_AND_SECOND = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: 'medium', timeStyle: 'medium' });
const FEW_DIGITS = new Intl.NumberFormat(LANGUAGE, { maximumSignificantDigits: 3 });
const DAY_AND_TIME = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: 'medium', timeStyle: 'short' });
const currencies = new Map<string, Intl.NumberFormat>();

/** An amount of minor units in its currency's own digits: two for USD, none for JPY, three for KWD (ISO 4217). */
export function money(amountMinor: number, currency: string): string {
  let format = currencies.get(currency);
  if (!format) {
    format = new Intl.NumberFormat(LANGUAGE, { style: 'currency', currency });
    currencies.set(currency, format);
  }
  return format.format(amountMinor / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
}

export function whole(value: number): string {
  return WHOLE.format(value);
}

/** Like `3 units`, `1 unit`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${whole(value)} ${value === 1 ? one : many}`;
}

export function timeOfDay(iso: string): string {
  return TIME.format(new Date(iso));
}

export function dayAndTime(iso: string): string {
  return DAY_AND_TIME.format(new Date(iso));
}

/** With its seconds, for operators. */
export function dayAndSecond(iso: string): string {
  return DAY_AND_SECOND.format(new Date(iso));
}

/** A measure, as exact as it is worth: 0.123, 45.6, 7,890. */
export function measure(value: number): string {
  return Math.abs(value) >= 100 ? WHOLE.format(Math.round(value)) : FEW_DIGITS.format(value);
}

/** How long until something, like `2 d 03:12:05` or `12:05`; never below zero. */
export function remaining(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const [d, h, m, s] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3_600) % 24,
    Math.floor(seconds / 60) % 60,
    seconds % 60,
  ].map((part) => String(part).padStart(2, '0')) as [string, string, string, string];
  if (seconds >= 86_400) return `${Number(d)} d ${h}:${m}:${s}`;
  return seconds >= 3_600 ? `${h}:${m}:${s}` : `${m}:${s}`;
}

/** How long something took, like `6 ms` or `1.4 s`. */
export function duration(ms: number): string {
  return ms < 999.5 ? `${Math.max(1, Math.round(ms))} ms` : `${(ms / 1_000).toFixed(1)} s`;
}
