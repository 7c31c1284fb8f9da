import { AppError } from '../../domain/errors.ts';

/** Bounds the number of concurrent tasks. */
export interface Semaphore {
  /** Waits until `count` more fit; rejects with `unavailable` when `stopping` is aborted first. When idle any count fits. */
  acquire(count: number): Promise<void>;
  release(count: number): void;
  inside(): number;
  /** Resolves when all are released, or at the deadline. */
  drained(deadline: AbortSignal): Promise<void>;
}

export function createSemaphore(max: number, stopping: AbortSignal): Semaphore {
  let inside = 0;
  let changed = Promise.withResolvers<void>();
  stopping.addEventListener('abort', announceChange, { once: true });

  function announceChange(): void {
    changed.resolve();
    changed = Promise.withResolvers();
  }

  async function until(isSo: () => boolean, signal: AbortSignal): Promise<void> {
    while (!isSo() && !signal.aborted) await changed.promise;
  }

  return {
    async acquire(count) {
      await until(() => inside === 0 || inside + count <= max, stopping);
      if (stopping.aborted) throw new AppError('unavailable', 'The server is stopping.');
      inside += count;
    },

    release(count) {
      inside -= count;
      announceChange();
    },

    inside: () => inside,

    async drained(deadline) {
      deadline.addEventListener('abort', announceChange, { once: true });
      await until(() => inside === 0, deadline);
    },
  };
}
