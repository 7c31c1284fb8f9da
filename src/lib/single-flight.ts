/** Joins calls with the same key: those made while `work` is under way get its result, or its failure. */
export function singleFlight<V, K = void>(work: (key: K) => Promise<V>): (key: K) => Promise<V> {
  const underWay = new Map<K, Promise<V>>();
  return (key) => {
    let run = underWay.get(key);
    if (!run) {
      run = Promise.try(work, key).finally(() => underWay.delete(key));
      underWay.set(key, run);
    }
    return run;
  };
}
