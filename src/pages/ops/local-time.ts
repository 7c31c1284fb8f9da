/** A time as `<input type="datetime-local">` has it, in the reader's own zone; '' for none. */
export function localTime(iso: string | null): string {
  if (iso === null) return '';
  const time = new Date(iso);
  const part = (value: number, digits = 2) => String(value).padStart(digits, '0');
  const day = `${part(time.getFullYear(), 4)}-${part(time.getMonth() + 1)}-${part(time.getDate())}`;
  return `${day}T${part(time.getHours())}:${part(time.getMinutes())}:${part(time.getSeconds())}`;
}

/** The moment that such an input means; null where it is empty or no time. */
export function momentOf(local: string): string | null {
  const ms = local === '' ? Number.NaN : new Date(local).getTime();
  return Number.isNaN(ms) ? null : new Date(ms).toISOString();
}

export function ownZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}
