/** Begins the cause of a dead letter that holds what could not be read. */
export const UNREADABLE = 'unreadable message';

/** Four times what the largest message of ours can have. Reading a longer one would hold up everything else. */
export const BODY_CHARS_MAX = 1_048_576;

/**
 * The elements of a body that is a JSON list, or why there are none. A parser's own words would quote the body, and with it
 * customers.
 */
export function readList(body: string): readonly unknown[] | string {
  if (body.length > BODY_CHARS_MAX) return `longer than ${BODY_CHARS_MAX} characters`;
  let list: unknown;
  try {
    list = JSON.parse(body);
  } catch {
    return 'not JSON';
  }
  if (!Array.isArray(list)) return 'not a list';
  return list.length === 0 ? 'an empty list' : list;
}
