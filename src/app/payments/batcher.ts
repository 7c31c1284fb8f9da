/** Collects items and passes them on in batches: when a batch is full, or `lingerMs` after its first item. */
export interface Batcher<T> {
  add(items: readonly T[]): void;
  /** Items not yet passed on. */
  waiting(): number;
  /** Passes all items on without lingering; resolves when that is done. */
  drain(): Promise<void>;
}

/**
 * Passes on one batch at a time. Without lingering a batch would often be the one item that just came, and each batch
 * costs a sync of the disk.
 */
export function createBatcher<T>(
  { itemsMax, lingerMs }: { readonly itemsMax: number; readonly lingerMs: number },
  handOn: (items: T[]) => Promise<void>,
): Batcher<T> {
  let items: T[] = [];
  let working: Promise<void> | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function work(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    working ??= handOnAll().finally(() => {
      working = undefined;
      if (items.length > 0) linger();
    });
    return working;
  }

  async function handOnAll(): Promise<void> {
    let batch = takeBatch();
    while (batch.length > 0) {
      await handOn(batch);
      await nextTurn();
      batch = items.length >= itemsMax ? takeBatch() : [];
    }
  }

  function takeBatch(): T[] {
    const batch = items.slice(0, itemsMax);
    items = items.slice(itemsMax);
    return batch;
  }

  function linger(): void {
    if (items.length >= itemsMax) void work();
    else timer ??= setTimeout(work, lingerMs);
  }

  return {
    add(more) {
      for (const item of more) items.push(item);
      if (!working) linger();
    },

    waiting: () => items.length,

    async drain() {
      while (items.length > 0 || working) await work();
    },
  };
}

/** Lets the event loop serve ready work, requests above all. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
