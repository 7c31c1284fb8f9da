import type { Unit } from './figures.ts';
import type { Spread } from './spread.ts';

/** Three digits that matter, and thousands apart. */
export function number(value: number): string {
  const digits = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toLocaleString('en-US', { maximumFractionDigits: Math.min(digits, 3) });
}

export function withUnit(value: number | null, unit: Unit): string {
  if (value === null) return '–';
  if (unit === '/s') return `${number(value)}/s`;
  return unit === '' ? number(value) : `${number(value)} ${unit}`;
}

/** The median, and the range of the repeats where there are several. */
export function spreadText(spread: Spread | null, unit: Unit): string {
  if (spread === null) return '–';
  const range = spread.max > spread.min ? ` (${number(spread.min)} to ${number(spread.max)})` : '';
  return withUnit(spread.median, unit) + range;
}
