/**
 * Parks purchases while in-flight claims hold the remaining stock. They are retried when a newer stock version arrives, or
 * after `silenceMs`, when `onSilence` has updated the gate from the ledger.
 */
export interface PendingAdmissions<T> {
  park(productId: number, calls: T[]): void;
  /** Passes the product's calls to `onCalledBack`, in their order of arrival. */
  callBack(productId: number): void;
  /** Passes on the calls of each product for which the predicate holds. */
  callBackIf(holds: (calls: readonly T[]) => boolean): void;
  isEmpty(): boolean;
}

/** Claims in flight are settled in milliseconds; after this long an update was lost, and the ledger is read. */
const SILENCE_MS = 100;

export function createPendingAdmissions<T>(
  onCalledBack: (calls: T[]) => void,
  onSilence: (productId: number) => Promise<void>,
  silenceMs = SILENCE_MS,
): PendingAdmissions<T> {
  const rooms = new Map<number, { calls: T[]; timer: Timer }>();

  function callBack(productId: number): void {
    const room = rooms.get(productId);
    if (!room) return;
    rooms.delete(productId);
    clearTimeout(room.timer);
    onCalledBack(room.calls);
  }

  return {
    park(productId, calls) {
      const room = rooms.get(productId);
      if (room) {
        room.calls.push(...calls);
        return;
      }
      const timer = setTimeout(() => {
        // If the ledger cannot be read either, the calls find that out themselves.
        onSilence(productId)
          .catch(() => undefined)
          .finally(() => callBack(productId));
      }, silenceMs);
      rooms.set(productId, { calls: [...calls], timer });
    },
    callBack,
    callBackIf(holds) {
      for (const [productId, { calls }] of [...rooms]) if (holds(calls)) callBack(productId);
    },
    isEmpty: () => rooms.size === 0,
  };
}
