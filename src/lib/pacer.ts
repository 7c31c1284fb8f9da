/**
 * Lets values through at most once per `everyMs` and key: the first at once, and of those that come too soon only the
 * last, when its time has come. Memory is what came within the last `everyMs`.
 */
export interface Pacer<K, V> {
  offer(key: K, value: V): void;
  /** Lets nothing more through. */
  close(): void;
}

interface Lane<V> {
  openAtMs: number;
  waiting: { readonly value: V } | null;
}

export function createPacer<K, V>(everyMs: number, letThrough: (key: K, value: V) => void): Pacer<K, V> {
  /** In the order in which their time comes, because each is put at the end. */
  const lanes = new Map<K, Lane<V>>();
  let timer: Timer | null = null;
  let closed = false;

  function pass(key: K, value: V): void {
    lanes.set(key, { openAtMs: performance.now() + everyMs, waiting: null });
    letThrough(key, value);
  }

  function tick(): void {
    timer = null;
    const nowMs = performance.now();
    const due: [K, Lane<V>][] = [];
    for (const [key, lane] of lanes) {
      if (lane.openAtMs > nowMs) break;
      lanes.delete(key);
      due.push([key, lane]);
    }
    for (const [key, { waiting }] of due) {
      // A lane that is there again has let something newer through meanwhile.
      if (waiting && !lanes.has(key)) pass(key, waiting.value);
    }
    schedule();
  }

  function schedule(): void {
    const first = lanes.values().next().value;
    if (timer || !first || closed) return;
    timer = setTimeout(tick, Math.max(0, Math.ceil(first.openAtMs - performance.now()))).unref();
  }

  return {
    offer(key, value) {
      if (closed) return;
      const lane = lanes.get(key);
      if (lane) {
        lane.waiting = { value };
      } else {
        pass(key, value);
        schedule();
      }
    },
    close() {
      closed = true;
      if (timer) clearTimeout(timer);
      lanes.clear();
    },
  };
}
