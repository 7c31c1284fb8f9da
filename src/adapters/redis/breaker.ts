import { AppError, isAppError } from '../../domain/errors.ts';
import { backoffMs } from '../../lib/backoff.ts';
import type { Log } from '../../lib/log.ts';
import { singleFlight } from '../../lib/single-flight.ts';
import type { Gate } from '../../ports/gate.ts';

/**
 * A circuit breaker around a gate. Closed, it passes all calls on. After `FAILURES_MAX` failures in a row, or after the
 * first call without an answer, it opens: then claims are answered `known: false` and updates are dropped, both without
 * calling the gate, and the batcher goes straight to the ledger. So a frozen gate costs one timeout, not one per batch.
 *
 * After a pause the next call starts a probe, a `ping` that no purchase waits for; its success closes the breaker. There
 * is no timer: without calls no probe is needed.
 *
 * `claim`, `update` and `forget` never reject. `ping` rejects `unavailable` with the reason while the breaker is open.
 */
export interface Breaker extends Gate {
  readonly breaker: BreakerFigures;
}

export interface BreakerFigures {
  readonly isOpen: boolean;
  /** How often it has opened since the start. */
  readonly openings: number;
}

export interface BreakerOptions {
  readonly monotonicMs: () => number;
  /** Gets one sentence per opening and one per closing. */
  readonly log: Log;
}

/** A single error answer may be chance. */
const FAILURES_MAX = 3;
/** Pauses before a probe. The longest one bounds how long a recovered gate stays unused. */
const PAUSE_FIRST_MS = 100;
const PAUSE_MAX_MS = 1_000;
/** A breaker that reopens before it was closed for this long continues with its longer pauses. */
const STEADY_AFTER_MS = 5_000;

export function createBreaker(gate: Gate, { monotonicMs, log }: BreakerOptions): Breaker {
  let failuresInARow = 0;
  let openings = 0;
  /** Why it is open; null while it is closed. */
  let reason: Error | null = null;
  let pauses = 0;
  let probeAtMs = 0;
  let closedAtMs = Number.NEGATIVE_INFINITY;

  /** Undefined when the gate was bypassed, or did not answer. */
  async function guarded<T>(ask: () => Promise<T>): Promise<T | undefined> {
    if (reason) {
      if (monotonicMs() >= probeAtMs) void probe();
      return undefined;
    }
    const openingsBefore = openings;
    try {
      const answer = await ask();
      failuresInARow = 0;
      return answer;
    } catch (error) {
      // A call that was in flight when another one opened the breaker is not counted: its failure is the same outage.
      if (openings === openingsBefore) failed(error as Error);
      return undefined;
    }
  }

  function failed(error: Error): void {
    failuresInARow++;
    if (failuresInARow < FAILURES_MAX && !isAppError(error, 'outcome_unknown')) return;
    openings++;
    if (monotonicMs() - closedAtMs >= STEADY_AFTER_MS) pauses = 0;
    pause(error);
    log.warn(`The gate is in trouble, purchases go straight to the ledger: ${error.message}`);
  }

  function pause(error: Error): void {
    reason = error;
    probeAtMs = monotonicMs() + backoffMs(++pauses, PAUSE_FIRST_MS, PAUSE_MAX_MS);
  }

  /** Closes the breaker, or starts another pause. Never rejects. */
  const probe = singleFlight(() =>
    gate.ping().then(() => {
      reason = null;
      failuresInARow = 0;
      closedAtMs = monotonicMs();
      log.warn('The gate answers again.');
    }, pause),
  );

  return {
    breaker: {
      get isOpen() {
        return reason !== null;
      },
      get openings() {
        return openings;
      },
    },
    async claim(productId, quantities, seen) {
      return (await guarded(() => gate.claim(productId, quantities, seen))) ?? { known: false };
    },
    async update(stock, when) {
      await guarded(() => gate.update(stock, when));
    },
    async forget(productId) {
      await guarded(() => gate.forget(productId));
    },
    async ping() {
      if (reason === null) {
        await gate.ping().catch((error) => {
          failed(error);
          throw error;
        });
      } else {
        if (monotonicMs() >= probeAtMs) await probe();
        if (reason) throw new AppError('unavailable', reason.message);
      }
    },
    close: () => gate.close(),
  };
}
