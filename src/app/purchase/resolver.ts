import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, isAppError } from '../../domain/errors.ts';
import type { Outcome, Purchase } from '../../domain/purchase.ts';
import type { Decisions } from '../../ports/decisions.ts';

/**
 * Finds out the outcomes of batches whose commit was cut off, by deciding the same ids again: the ledger returns their
 * first outcome if there was one, and decides them now if there was none. Its refusal is final, however late the first
 * call arrives.
 */
export interface Resolver {
  /** Retries until the ledger has answered, or until `close`: then `outcome_unknown` for all. */
  resolve(purchases: readonly Purchase[]): Promise<(Outcome | Error)[]>;
  close(): Promise<void>;
}

/** The pause between two tries; it grows, so that a recovering backend does not meet a storm. */
const PAUSE_MS_MIN = 25;
const PAUSE_MS_MAX = 1_000;

export function createResolver(ledger: Pick<Decisions, 'decide'>): Resolver {
  const working = new Set<Promise<unknown>>();
  let closing = false;

  async function askUntilCertain(
    purchases: readonly Purchase[],
    firstPauseMs: number,
  ): Promise<(Outcome | Error)[]> {
    await sleep(firstPauseMs);
    for (let pauseMs = PAUSE_MS_MIN; ; pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX)) {
      try {
        return (await ledger.decide(purchases, true)).outcomes;
      } catch (error) {
        // Still unknown. Even `unavailable` says nothing about the first try, so only an answer ends the retries.
        if (!(error instanceof AppError)) return askOneByOne(purchases, error as Error);
        if (closing) return purchases.map(() => unknown(error));
      }
      await sleep(pauseMs);
    }
  }

  /** One purchase triggered a bug: the others still get an answer. */
  async function askOneByOne(purchases: readonly Purchase[], bug: Error): Promise<(Outcome | Error)[]> {
    if (purchases.length === 1) return [bug];
    const answers: (Outcome | Error)[] = [];
    for (const purchase of purchases) answers.push(...(await askUntilCertain([purchase], 0)));
    return answers;
  }

  return {
    resolve(purchases) {
      const certain = askUntilCertain(purchases, PAUSE_MS_MIN).finally(() => working.delete(certain));
      working.add(certain);
      return certain;
    },
    async close() {
      closing = true;
      await Promise.allSettled(working);
    },
  };
}

export function unknown(cause?: unknown): AppError {
  if (isAppError(cause, 'outcome_unknown')) return cause;
  return new AppError('outcome_unknown', 'It is not known yet whether the purchase was carried out.', {
    cause,
  });
}
