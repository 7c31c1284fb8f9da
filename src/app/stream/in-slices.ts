import { nextTurn } from '../../lib/next-turn.ts';

/** Subscribers served in one go: a millisecond or two, after which purchases get their turn. */
const SLICE = 25;

/** Applies `each` to all, in slices between which other tasks get their turn. */
export async function inSlices<T>(all: Iterable<T>, each: (one: T) => void): Promise<void> {
  let done = 0;
  for (const one of all) {
    each(one);
    if (++done % SLICE === 0) await nextTurn();
  }
}
