import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, isAppError } from '../../domain/errors.ts';
import type { Outcome, Purchase } from '../../domain/purchase.ts';
import type { Decisions } from '../../ports/decisions.ts';

/**
 * Finds out about batches whose commit was cut off. Asking the ledger to decide the same ids again is the question: it
 * answers their first outcome if there was one, and decides them now if there was none. A refusal that it answers is final,
 * however late the first asking arrives.
 */
export interface Resolver {
  /** Asks until the ledger has answered, or until `close`: then `outcome_unknown` for all. */
  resolve(purchases: readonly Purchase[]): Promise<(Outcome | Error)[]>;
  close(): Promise<void>;
}

/** Between two questions; grows, so that a backend that comes back is not met by a storm. */
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
        // Still no word. Even `unavailable` says nothing about the first try, so only an answer ends this.
        if (!(error instanceof AppError)) return askOneByOne(purchases, error as Error);
        if (closing) return purchases.map(() => unknown(error));
      }
      await sleep(pauseMs);
    }
  }

  /** A bug, which one of them set off: the others still have an answer. */
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
