/** The type of a field as JSON has it. */
export function typeOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

/** Whether a field may have both of these types; what is null in one may have a value in the other. */
export function agree(one: string, other: string): boolean {
  const isThere = one !== 'undefined' && other !== 'undefined';
  return isThere && (one === other || one === 'null' || other === 'null');
}

/** The value at a dotted path; undefined where there is none. */
export function at(object: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((value, name) => (value as Record<string, unknown> | null)?.[name], object);
}
