import { AppError } from '../../domain/errors.ts';

/**
 * Does `work` for all items at once. After a bug (not a backend's failure, which would repeat) it is done for each item
 * alone, so that one bad row does not hold up the others; `onBad` receives the items that fail alone. Resolves to the result of
 * each call of `work`.
 */
export async function batchOrEach<T, R>(
  items: readonly T[],
  work: (items: readonly T[]) => Promise<R>,
  onBad: (item: T, error: unknown) => void,
): Promise<R[]> {
  try {
    return [await work(items)];
  } catch (error) {
    if (error instanceof AppError) throw error;
  }
  const results: R[] = [];
  for (const item of items) {
    try {
      results.push(await work([item]));
    } catch (error) {
      if (error instanceof AppError) throw error;
      onBad(item, error);
    }
  }
  return results;
}
