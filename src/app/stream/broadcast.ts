/**
 * Sends changes to many subscribers. A broadcast begins at the earliest `paceMs()` after the last one began and never before
 * that one is done; a row that changed several times meanwhile is sent once, as of then. So the last change is always sent,
 * and a busy server sends less often, not later and later.
 */
export interface Broadcast {
  /** Schedules a broadcast: at once after a quiet time, otherwise at the next pace. */
  request(): void;
  /** Finishes the running broadcast, sends the rest, and stops. */
  close(): Promise<void>;
}

/** Subscribers served in one go: a millisecond or two, after which purchases get their turn. */
const SLICE = 25;

export function createBroadcast(sendAll: () => Promise<void>, paceMs: () => number): Broadcast {
  let earliestMs = 0;
  let timer: Timer | null = null;
  let sending: Promise<void> | null = null;
  let requested = false;
  let closed = false;

  function schedule(): void {
    if (timer || sending || !requested || closed) return;
    timer = setTimeout(send, Math.max(0, earliestMs - performance.now())).unref();
  }

  function send(): void {
    timer = null;
    requested = false;
    earliestMs = performance.now() + paceMs();
    sending = sendAll().finally(() => {
      sending = null;
      schedule();
    });
  }

  return {
    request() {
      requested = true;
      schedule();
    },
    async close() {
      closed = true;
      if (timer) clearTimeout(timer);
      await sending;
      if (requested) await sendAll();
    },
  };
}

/** Applies `work` to each, in slices between which other tasks get their turn. */
export async function inSlices<T>(all: Iterable<T>, each: (one: T) => void): Promise<void> {
  let done = 0;
  for (const one of all) {
    each(one);
    if (++done % SLICE === 0) await new Promise<void>((resolve) => void setImmediate(resolve));
  }
}
