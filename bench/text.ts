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
