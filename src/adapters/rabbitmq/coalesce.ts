/**
 * Runs `work` at most once at a time. Calls made while it runs share the next run, so that each answer is newer than its
 * call.
 */
export function coalesce<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | null = null;
  let next: Promise<T> | null = null;

  function start(): Promise<T> {
    running = work().finally(() => {
      running = null;
    });
    return running;
  }

  return () => {
    if (next) return next;
    if (!running) return start();
    next = running
      .catch(() => {})
      .then(() => {
        next = null;
        return start();
      });
    return next;
  };
}
