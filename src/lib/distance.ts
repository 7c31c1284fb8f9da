/** Levenshtein distance: the letters to change, add or remove. */
export function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const changed = row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(changed, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[to.length]!;
}

/** The one that was probably meant; null where all are too different for that. Of equally near ones the first. */
export function nearestOf(word: string, known: readonly string[]): string | null {
  if (word === '') return null;
  const far = (one: string) =>
    one.startsWith(word) ? Math.min(1, distance(word, one)) : distance(word, one);
  const best = known.reduce<string | null>(
    (best, one) => (best === null || far(one) < far(best) ? one : best),
    null,
  );
  return best !== null && far(best) <= Math.max(1, Math.floor(word.length / 2.5)) ? best : null;
}
