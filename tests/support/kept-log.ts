import type { Log } from '../../src/lib/log.ts';

/** A log whose sentences go into the one list, and the errors beside them into the other. */
export function keptLog(sentences: string[], errors: unknown[] = []): Log {
  function write(given: { readonly err?: unknown } | string, sentence?: string): void {
    if (typeof given === 'string') {
      sentences.push(given);
    } else {
      sentences.push(sentence!);
      errors.push(given.err);
    }
  }
  return { warn: write, error: write };
}
