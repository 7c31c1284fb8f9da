import { AppError } from '../../domain/errors.ts';

/** A bounded number of things under way. */
export interface Room {
  /** Waits until `count` more fit; rejects with `unavailable` when `stopping` is aborted first. An empty room takes any number. */
  enter(count: number): Promise<void>;
  leave(count: number): void;
  inside(): number;
  /** Resolves when the room is empty, or at the deadline. */
  emptied(deadline: AbortSignal): Promise<void>;
}

export function createRoom(max: number, stopping: AbortSignal): Room {
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
    async enter(count) {
      await until(() => inside === 0 || inside + count <= max, stopping);
      if (stopping.aborted) throw new AppError('unavailable', 'Settlement is closing.');
      inside += count;
    },

    leave(count) {
      inside -= count;
      announceChange();
    },

    inside: () => inside,

    async emptied(deadline) {
      deadline.addEventListener('abort', announceChange, { once: true });
      await until(() => inside === 0, deadline);
    },
  };
}
