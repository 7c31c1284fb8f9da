/**
 * Tells many viewers in rounds. However fast things change, a round begins at the earliest `paceMs()` after the last one
 * began and never before that one is done; what changed several times meanwhile is told once, as it stands then. So the
 * last change is always told, and a server without time tells less often, not later and later.
 */
export interface Rounds {
  /** There is something to tell: at once when it was quiet, otherwise with the next round. */
  ask(): void;
  /** Lets the round under way end, tells what is left, and then nothing any more. */
  close(): Promise<void>;
}

/** Viewers told in one go: a millisecond or two, after which purchases get their turn. */
const SLICE = 100;

export function createRounds(tellAll: () => Promise<void>, paceMs: () => number): Rounds {
  let earliestMs = 0;
  let timer: Timer | null = null;
  let telling: Promise<void> | null = null;
  let asked = false;
  let closed = false;

  function schedule(): void {
    if (timer || telling || !asked || closed) return;
    timer = setTimeout(round, Math.max(0, earliestMs - performance.now())).unref();
  }

  function round(): void {
    timer = null;
    asked = false;
    earliestMs = performance.now() + paceMs();
    telling = tellAll().finally(() => {
      telling = null;
      schedule();
    });
  }

  return {
    ask() {
      asked = true;
      schedule();
    },
    async close() {
      closed = true;
      if (timer) clearTimeout(timer);
      await telling;
      if (asked) await tellAll();
    },
  };
}

/** Does something for each, in slices between which others get their turn. */
export async function inSlices<T>(all: Iterable<T>, each: (one: T) => void): Promise<void> {
  let done = 0;
  for (const one of all) {
    each(one);
    if (++done % SLICE === 0) await new Promise<void>((resolve) => void setImmediate(resolve));
  }
}
