import type { Clock } from '../../domain/clock.ts';
import { AppError } from '../../domain/errors.ts';
import type { PurchaseIdParts } from '../../domain/ids.ts';
import type { Channel } from '../../domain/order.ts';
import { within } from '../../lib/within.ts';
import type { Ledger } from '../../ports/ledger.ts';
import type { Found } from '../../ports/queries.ts';

/**
 * The final outcome of a purchase that the ledger does not know: undefined while it may still be decided, or while that
 * cannot be found out. A reader gets "not carried out" only after that is committed: a decision may be in flight, and only
 * the ledger can refuse it as too late.
 */
export type Conclude = (purchaseId: string, parts: PurchaseIdParts) => Promise<Found | undefined>;

/**
 * `decideWithinMs`: how long the decision of a purchase may take, by channel. `keepOutcomesMs`: the outcome of an older
 * purchase may have been pruned. `answerWithinMs`: the longest that a reader waits for a hanging backend.
 */
export function createConclude(
  ledger: Pick<Ledger, 'conclude' | 'find'>,
  clock: Clock,
  decideWithinMs: Readonly<Record<Channel, number>>,
  keepOutcomesMs: number,
  answerWithinMs: number,
): Conclude {
  async function end(id: string, channel: Channel, decideBy: number): Promise<Found | undefined> {
    await ledger.conclude({ id, channel, decideBy });
    return (await ledger.find([id])).get(id);
  }

  return async (id, { acceptedAt, channel }) => {
    const decideBy = acceptedAt + decideWithinMs[channel];
    const now = clock();
    if (now < decideBy || now > acceptedAt + keepOutcomesMs) return undefined;
    try {
      return await within(end(id, channel, decideBy), answerWithinMs, tooSlow);
    } catch (error) {
      if (error instanceof AppError) return undefined;
      throw error;
    }
  };
}

function tooSlow(): AppError {
  return new AppError('unavailable', 'It could not be found out in time what became of the purchase.');
}
