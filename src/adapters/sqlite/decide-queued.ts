import type { Clock } from '../../domain/clock.ts';
import type { PurchaseIds } from '../../domain/ids.ts';
import type { Purchase } from '../../domain/purchase.ts';
import type { DecidedBatch } from '../../ports/deciding-queue.ts';
import type { Decision } from '../../ports/decisions.ts';
import { readPurchases } from '../../ports/purchase-message.ts';
import type { Delivery } from '../../ports/queue.ts';
import type { createDecide } from './ledger/decide.ts';
import type { Prepare } from './queue/consumer.ts';

/** Decides queued purchases in the commit that acknowledges them; `decided` is called after it, and resolves when it was heard. */
export function createDecideQueued(
  decide: ReturnType<typeof createDecide>,
  ids: Pick<PurchaseIds, 'read'>,
  clock: Clock,
  purchaseTtlMs: number,
  decided: (batch: DecidedBatch) => Promise<void>,
): Prepare {
  return (taken) => {
    const purchases = plainPurchases(taken, ids, purchaseTtlMs);
    if (purchases === null) return null;
    let askedAtMs: number;
    let decision: Decision;
    return {
      work() {
        askedAtMs = performance.now();
        decision = decide(purchases, false, clock());
      },
      committed() {
        const { changes, outcomes } = decision;
        const now = clock();
        return decided({
          changes,
          askedAtMs,
          tookMs: purchases.map(({ acceptedAt }) => now - acceptedAt),
          reserved: outcomes.filter(({ kind }) => kind === 'reserved').length,
          tooOld: outcomes.filter((outcome) => outcome.kind === 'refused' && outcome.code === 'too_old')
            .length,
        });
      },
    };
  };
}

/** Null when some of them are for the worker: to be decided alone, to be dead-lettered, or to be traced. */
function plainPurchases(
  taken: readonly Delivery[],
  ids: Pick<PurchaseIds, 'read'>,
  purchaseTtlMs: number,
): Purchase[] | null {
  const plain: Purchase[] = [];
  for (const delivery of taken) {
    const { purchases, unread } = readPurchases(delivery, ids);
    if (delivery.redelivered || unread.length > 0) return null;
    for (const purchase of purchases) {
      if (purchase.trace !== undefined) return null;
      plain.push({ ...purchase, decideBy: purchase.acceptedAt + purchaseTtlMs });
    }
  }
  return plain;
}
