/**
 * Passes values on at most once per `everyMs` and key: the first at once, and of those that come too soon only the
 * last, at the end of the interval. Memory is bounded by the keys of the last `everyMs`.
 */
export interface Throttle<K, V> {
  offer(key: K, value: V): void;
  /** Drops all later values. */
  close(): void;
}

interface Slot<V> {
  openAtMs: number;
  waiting: { readonly value: V } | null;
}

export function createThrottle<K, V>(
  everyMs: number,
  letThrough: (key: K, value: V) => void,
): Throttle<K, V> {
  /** In the order of their due times, because each is appended. */
  const slots = new Map<K, Slot<V>>();
  let timer: Timer | null = null;
  let closed = false;

  function pass(key: K, value: V): void {
    slots.set(key, { openAtMs: performance.now() + everyMs, waiting: null });
    letThrough(key, value);
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
    for (const [key, { waiting }] of due) {
      // A slot that exists again has passed on a newer value meanwhile.
      if (waiting && !slots.has(key)) pass(key, waiting.value);
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
      if (slot) {
        slot.waiting = { value };
      } else {
        pass(key, value);
        schedule();
      }
    },
    close() {
      closed = true;
      if (timer) clearTimeout(timer);
      slots.clear();
    },
  };
}
