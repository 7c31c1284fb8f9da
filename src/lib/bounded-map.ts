/**
 * Keeps the last `max` entries at most, and the last half of that at least. It drops a whole half at a time, because
 * deleting the oldest entry of a large Map one by one took 35 µs each.
 */
export function createBoundedMap<T>(max: number) {
  let young = new Map<string, T>();
  let old = new Map<string, T>();
  return {
    get: (key: string) => young.get(key) ?? old.get(key),
    delete(key: string) {
      if (!young.delete(key)) old.delete(key);
    },
    get size() {
      return young.size + old.size;
    },
    set(key: string, value: T) {
      young.set(key, value);
      if (young.size < max / 2) return;
      old = young;
      young = new Map();
    },
  };
}
