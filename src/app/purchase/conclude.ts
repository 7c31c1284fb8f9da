import type { Clock } from '../../domain/clock.ts';
import { AppError } from '../../domain/errors.ts';
import type { PurchaseIdParts } from '../../domain/ids.ts';
import type { Channel } from '../../domain/purchase.ts';
import { within } from '../../lib/within.ts';
import type { Ledger } from '../../ports/ledger.ts';
import type { Found } from '../../ports/queries.ts';

/**
 * The last word on a purchase of which the ledger knows nothing: undefined while it may still be decided, or while that cannot be
 * found out. Nobody is told that nothing became of a purchase before it is written down: a decision may be on its way, and
 * only the ledger can say that it comes too late.
 */
export type Conclude = (purchaseId: string, parts: PurchaseIdParts) => Promise<Found | undefined>;

/**
 * `decideWithinMs`: how long a purchase of each channel may take to be decided. `keepOutcomesMs`: what is older may have had an
 * outcome that was pruned. `answerWithinMs`: a reader waits no longer for a backend that stands still.
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
