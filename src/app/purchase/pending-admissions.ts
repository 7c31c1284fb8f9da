/**
 * Where purchases wait that need units which other claims hold. A newer standing calls them back; so does the end of
 * `WAIT_MS` without one, after `onSilence` has shown the gate the ledger's truth.
 */
export interface PendingAdmissions<T> {
  park(productId: number, calls: T[]): void;
  /** Hands the product's calls to `onCalledBack`, in their order of arrival. */
  callBack(productId: number): void;
  /** Hands on the calls of each product for which this holds. */
  callBackIf(holds: (calls: readonly T[]) => boolean): void;
  isEmpty(): boolean;
}

/** Claims in flight are settled in milliseconds; after this long something was lost, and the ledger is asked. */
const WAIT_MS = 100;

export function createPendingAdmissions<T>(
  onCalledBack: (calls: T[]) => void,
  onSilence: (productId: number) => Promise<void>,
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
        // If the ledger cannot be asked either, the calls find that out themselves.
        onSilence(productId)
          .catch(() => undefined)
          .finally(() => callBack(productId));
      }, WAIT_MS);
      rooms.set(productId, { calls: [...calls], timer });
    },
    callBack,
    callBackIf(holds) {
      for (const [productId, { calls }] of [...rooms]) if (holds(calls)) callBack(productId);
    },
    isEmpty: () => rooms.size === 0,
  };
}
