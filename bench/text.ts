/** Numbers in sentences. */

/** `100,000`. */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** `1 buyer`, `2,000 buyers`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** `12 ms`; a dash where there is none. */
export function ms(value: number | null): string {
  return value === null ? '–' : `${value >= 10 ? Math.round(value) : value} ms`;
}

/** `5.1 s`. */
export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

/** `0.64 (0.55–0.84)`; one number where there was no more than one, or all were alike; a dash where there is none. */
export function ranged(value: unknown, min: unknown, max: unknown, decimals: number): string {
  const text = (one: unknown) =>
    typeof one === 'number'
      ? one.toLocaleString('en-US', { minimumFractionDigits: decimals, maximumFractionDigits: decimals })
      : '–';
  const [least, most] = [text(min), text(max)];
  return least === most ? text(value) : `${text(value)} (${least}–${most})`;
}

/** Rows of a table as lines; the first column is left-aligned, numbers follow. */
export function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  return rows.map(
    (row) =>
      '  ' + row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '),
  );
}
