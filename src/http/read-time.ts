/** A date and a time with its zone as RFC 3339 has it, and Java's without seconds. */
export const TIME_PATTERN =
  '^\\d{4}-\\d\\d-\\d\\d[Tt]([01]\\d|2[0-3]):[0-5]\\d(:[0-5]\\d(\\.\\d{1,9})?)?([Zz]|[+-]([01]\\d|2[0-3]):[0-5]\\d)$';
const TIME = new RegExp(TIME_PATTERN);

/**
 * Milliseconds since the epoch of a time; what is finer is cut off. Undefined for a text of another shape than TIME_PATTERN, for a day
 * that no calendar has, like 30 February, which `Date` would silently take for 2 March, and for a time outside the years from 1970
 * to 9999 in UTC, because no answer could show it.
 */
export function readTime(text: string): number | undefined {
  if (!TIME.test(text)) return undefined;
  const ms = Date.parse(text.toUpperCase().replace(/(\.\d{3})\d+/, '$1'));
  if (!Number.isFinite(ms) || ms < 0 || ms > LAST_MS) return undefined;
  const day = Number(text.slice(8, 10));
  const daysInMonth = new Date(Date.UTC(Number(text.slice(0, 4)), Number(text.slice(5, 7)), 0)).getUTCDate();
  return day >= 1 && day <= daysInMonth ? ms : undefined;
}

/** RFC 3339 has four digits for the year. */
const LAST_MS = Date.UTC(10_000, 0, 1) - 1;
