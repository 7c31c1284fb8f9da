/** The longest timer, so that a suspended machine or a moved clock delays nothing for long. */
const SLEEP_MS_MAX = 30_000;

/** Calls its listeners at once, or by one timer set to the earliest requested moment. */
export function createNotifier() {
  const listeners = new Set<() => void>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let timerAtMs = Number.POSITIVE_INFINITY;

  function notify(): void {
    for (const listener of listeners) listener();
  }

  function stopTimer(): void {
    clearTimeout(timer);
    timerAtMs = Number.POSITIVE_INFINITY;
  }

  return {
    /** Calls `listener` at every notification until the returned function is called. */
    listen(listener: () => void): () => void {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },

    notifyIn(delayMs: number): void {
      if (listeners.size === 0) return;
      if (delayMs <= 0) {
        notify();
        return;
      }
      const sleepMs = Math.min(delayMs, SLEEP_MS_MAX);
      const atMs = performance.now() + sleepMs;
      if (atMs >= timerAtMs) return;
      stopTimer();
      timerAtMs = atMs;
      timer = setTimeout(() => {
        timerAtMs = Number.POSITIVE_INFINITY;
        notify();
      }, sleepMs);
    },

    close: stopTimer,
  };
}
