/**
 * Milliseconds since the epoch of a time that has the shape of TIME_PATTERN; undefined for one that no calendar has, like
 * 30 February, which `Date` would silently take for 2 March.
 */
export function readTime(text: string): number | undefined {
  const ms = Date.parse(text);
  if (!Number.isFinite(ms) || ms < 0) return undefined;
  const day = Number(text.slice(8, 10));
  const daysInMonth = new Date(Date.UTC(Number(text.slice(0, 4)), Number(text.slice(5, 7)), 0)).getUTCDate();
  return day >= 1 && day <= daysInMonth ? ms : undefined;
}
