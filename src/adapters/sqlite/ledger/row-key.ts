/**
 * The key of an order's row, its column `slot`. SQLite appends to a table keyed by a rising integer much more cheaply than to one keyed by text
 * (its pages fill up and are never rebalanced), so an order is found by an integer made of the front of its id: time
 * and counter, 53 bits in all. One process never makes the same one twice; should two ids meet all the same (a clock
 * set back over a restart), the later one takes the next free key, and a look-up walks on until the id is there.
 */
export function rowKeyOf(id: string): number {
  const sinceEpochMs = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16) - ROW_KEY_EPOCH_MS;
  const counter = Number.parseInt(id.slice(15, 18), 16) & 0x7ff;
  const random = Number.parseInt(id.slice(19, 20), 16) & 3;
  return sinceEpochMs * 8192 + counter * 4 + random;
}

/** How far a collision may push an order; more than one in a row would already be a miracle. */
export const ROW_KEY_STEPS_MAX = 8;

/** 2026-01-01: 40 bits of milliseconds from here last until 2060. */
const ROW_KEY_EPOCH_MS = Date.UTC(2026, 0, 1);
