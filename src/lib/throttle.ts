/**
 * Passes values on at most `burst` times per `everyMs` and key: the first ones at once, and of those that come too soon only the
 * last, at the end of the interval, as the first one of the next. Memory is bounded by the keys of the last `everyMs`.
 */
export interface Throttle<K, V> {
  offer(key: K, value: V): void;
  /** Whether an interval of this key is under way. */
  has(key: K): boolean;
  /** Keys whose interval is under way. */
  size(): number;
  /** Passes the waiting values on now. */
  flush(): void;
  /** Drops all later values. */
  close(): void;
}

interface Slot<V> {
  readonly openAtMs: number;
  passed: number;
  /** Values that later ones have replaced. */
  leftOut: number;
  waiting: { readonly value: V } | null;
}

export function createThrottle<K, V>(
  everyMs: number,
  letThrough: (key: K, value: V, leftOut: number) => void,
  burst = 1,
): Throttle<K, V> {
  /** In the order of their due times, because each is appended. */
  const slots = new Map<K, Slot<V>>();
  let timer: Timer | null = null;
  let closed = false;

  function pass(key: K, value: V, leftOut: number): void {
    slots.set(key, { openAtMs: performance.now() + everyMs, passed: 1, leftOut: 0, waiting: null });
    letThrough(key, value, leftOut);
  }

  function tick(): void {
    timer = null;
    const nowMs = performance.now();
    const due: [K, Slot<V>][] = [];
    for (const [key, slot] of slots) {
      if (slot.openAtMs > nowMs) break;
      slots.delete(key);
      due.push([key, slot]);
    }
    for (const [key, { waiting, leftOut }] of due) {
      // A slot that exists again has passed on a newer value meanwhile.
      if (waiting && !slots.has(key)) pass(key, waiting.value, leftOut);
    }
    schedule();
  }

  function schedule(): void {
    const first = slots.values().next().value;
    if (timer || !first || closed) return;
    timer = setTimeout(tick, Math.max(0, Math.ceil(first.openAtMs - performance.now()))).unref();
  }

  return {
    offer(key, value) {
      if (closed) return;
      const slot = slots.get(key);
      if (!slot) {
        pass(key, value, 0);
        schedule();
      } else if (slot.passed < burst) {
        slot.passed++;
        letThrough(key, value, 0);
      } else {
        if (slot.waiting) slot.leftOut++;
        slot.waiting = { value };
      }
    },
    has: (key) => slots.has(key),
    size: () => slots.size,
    flush() {
      for (const [key, { waiting, leftOut }] of slots) if (waiting) letThrough(key, waiting.value, leftOut);
      slots.clear();
    },
    close() {
      closed = true;
      if (timer) clearTimeout(timer);
      slots.clear();
    },
  };
}
