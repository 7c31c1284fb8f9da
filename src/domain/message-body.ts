/** Prefix of the cause of a dead letter whose contents could not be parsed. */
export const UNREADABLE = 'unreadable message';

/** Four times the size of our largest message. Parsing a longer one would delay all other work. */
export const BODY_CHARS_MAX = 1_048_576;

/**
 * The elements of a body that is a JSON list, or the reason why it is not one. A parser's own message would quote the body,
 * and customer ids with it.
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
