import { nextTurn } from './next-turn.ts';

export interface BatchOptions {
  /** Items of one batch at most. */
  readonly itemsMax: number;
  /** How long an item waits for more; 0: only while other batches are under way. */
  readonly lingerMs: number;
  /** Batches under way at once at most; 1 unless given. */
  readonly batchesMax?: number;
}

/** Collects items and passes them on in batches: when a batch is full, or `lingerMs` after its first item. */
export interface Batcher<T> {
  add(items: readonly T[]): void;
  /** Items not yet passed on. */
  waiting(): number;
  /** Passes all items on without lingering; resolves when that is done. */
  drain(): Promise<void>;
}

/** Without lingering a batch would often be the one item that just came. `handOn` never rejects. */
export function createBatcher<T>(
  { itemsMax, lingerMs, batchesMax = 1 }: BatchOptions,
  handOn: (items: T[]) => Promise<void>,
): Batcher<T> {
  let items: T[] = [];
  const underWay = new Set<Promise<void>>();
  let timer: Timer | undefined;

  function handOnSome(isDue: boolean): void {
    const enough = isDue || lingerMs === 0 ? 1 : itemsMax;
    while (underWay.size < batchesMax && items.length >= enough) handOnOne();
    if (underWay.size < batchesMax && items.length > 0) timer ??= setTimeout(handOnSome, lingerMs, true);
  }

  function handOnOne(): void {
    clearTimeout(timer);
    timer = undefined;
    const batch = items.slice(0, itemsMax);
    items = items.slice(itemsMax);
    const working = Promise.resolve(batch)
      .then(handOn)
      .then(nextTurn)
      .finally(() => {
        underWay.delete(working);
        handOnSome(false);
      });
    underWay.add(working);
  }

  return {
    add(more) {
      for (const item of more) items.push(item);
      handOnSome(false);
    },

    waiting: () => items.length,

    async drain() {
      while (items.length > 0 || underWay.size > 0) {
        handOnSome(true);
        await Promise.all(underWay);
      }
    },
  };
}

/** Joins calls into batches; each caller gets its own result. */
export interface BatchedCalls<T, R> {
  call(item: T): Promise<R>;
  /** Makes all waiting calls without lingering; resolves when that is done. */
  drain(): Promise<void>;
}

/** `work` returns the results in the order of its items. An Error among them rejects that call, a rejection all of its batch. */
export function createBatchedCalls<T, R>(
  options: BatchOptions,
  work: (items: readonly T[]) => Promise<readonly (R | Error)[]>,
): BatchedCalls<T, R> {
  type Call = { readonly item: T; resolve(result: R): void; reject(error: unknown): void };
  const batcher = createBatcher<Call>(options, async (calls) => {
    try {
      const results = await work(calls.map(({ item }) => item));
      for (const [i, { resolve, reject }] of calls.entries()) {
        const result = results[i]!;
        if (result instanceof Error) reject(result);
        else resolve(result);
      }
    } catch (error) {
      for (const { reject } of calls) reject(error);
    }
  });
  return {
    call: (item) => new Promise((resolve, reject) => batcher.add([{ item, resolve, reject }])),
    drain: batcher.drain,
  };
}
