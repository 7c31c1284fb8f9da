/** Runs `action` once, `delayMs` from now. */
export type Later = (delayMs: number, action: () => void) => void;

/**
 * One timer for thousands of short delays: actions due in the same millisecond share a slot, and one tick per
 * millisecond empties the due slots. It stops while nothing is due. (A timer per charge costs the process several times
 * as much as the charge.)
 */
export function createTimerWheel(): { later: Later; close(): void } {
  const slots = new Map<number, (() => void)[]>();
  let emptiedUpTo = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function tick(): void {
    timer = undefined;
    const nowMs = Math.floor(performance.now());
    while (emptiedUpTo < nowMs && slots.size > 0) {
      emptiedUpTo++;
      const due = slots.get(emptiedUpTo);
      if (!due) continue;
      slots.delete(emptiedUpTo);
      for (const action of due) action();
    }
    if (slots.size > 0) timer ??= setTimeout(tick, 1);
  }

  return {
    later(delayMs, action) {
      const nowMs = Math.floor(performance.now());
      if (slots.size === 0) emptiedUpTo = nowMs;
      const dueMs = Math.max(nowMs + Math.ceil(delayMs), emptiedUpTo) + 1;
      const slot = slots.get(dueMs);
      if (slot) slot.push(action);
      else slots.set(dueMs, [action]);
      timer ??= setTimeout(tick, 1);
    },

    close() {
      clearTimeout(timer);
      slots.clear();
    },
  };
}
