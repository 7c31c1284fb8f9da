import type { Clock } from '../../domain/clock.ts';
import { AppError } from '../../domain/errors.ts';
import type { PurchaseIdParts, PurchaseIds } from '../../domain/ids.ts';
import { amountMinor } from '../../domain/order.ts';
import { type RefusalCode, refusalMessage } from '../../domain/purchase.ts';
import { createPeriodic } from '../../lib/periodic.ts';
import { within } from '../../lib/within.ts';
import type { Found, Queries } from '../../ports/queries.ts';
import type { ChangeBus } from '../changes.ts';
import { createBatchedLookup } from './batched-lookup.ts';
import type { Conclude } from './conclude.ts';

/** Looks up the outcomes of async purchases. */
export interface Tracking {
  /**
   * The purchase's state, or null for an id that was never issued or is older than outcomes are kept. With `waitMs` the answer comes when the outcome is
   * there, at the latest after that time.
   */
  read(trackingId: string, waitMs: number): Promise<Tracked | null>;
  /** Answers all waiting readers with the present state. */
  close(): void;
  /** Readers waiting now. */
  waiting(): number;
}

export interface Tracked {
  readonly status: 'queued' | 'confirmed' | 'rejected' | 'failed';
  readonly code: RefusalCode | 'needs_attention' | null;
  readonly message: string;
  /** Null while only the queue knows. */
  readonly productId: number | null;
  readonly quantity: number | null;
  /** The total of a confirmed purchase; null otherwise. */
  readonly price: { readonly amountMinor: number; readonly currency: string } | null;
  /** Whose order it became: null for an anonymous one; absent where there is no order. */
  readonly customer?: string | null;
  readonly updatedAt: number;
}

/** Readers that may wait at once; a further one is answered immediately with the present state. */
const WAITING_MAX = 50_000;
/** Outcomes of other processes are found by polling the ledger, this often and for so many readers at a time. */
const ASK_AGAIN_MS = 500;
const ASK_AGAIN_MAX = 1_000;

export interface TrackingOptions {
  readonly conclude: Conclude;
  /** Older refused purchases count as pruned, whether or not their outcome has been deleted yet. */
  readonly keepOutcomesMs: number;
  /** In addition to the reader's wait: other readers' queries and all steps included. */
  readonly answerWithinMs: number;
}

export function createTracking(
  ledger: Pick<Queries, 'find'>,
  changes: Pick<ChangeBus, 'subscribe'>,
  ids: PurchaseIds,
  clock: Clock,
  { conclude, keepOutcomesMs, answerWithinMs }: TrackingOptions,
): Tracking {
  const waiters = new Map<string, Set<() => void>>();
  let count = 0;
  let closed = false;
  const polls = createPeriodic(askAgain, { retryMs: ASK_AGAIN_MS, onFailure() {} });

  const unsubscribe = changes.subscribe({
    news({ decided }) {
      if (waiters.size === 0) return;
      for (const id of decided) for (const wake of [...(waiters.get(id) ?? [])]) wake();
    },
  });

  const find = createBatchedLookup(ledger);

  async function ask(trackingId: string, parts: PurchaseIdParts): Promise<Tracked | null> {
    const { acceptedAt } = parts;
    let found = await find(trackingId);
    // Orders are kept for ever, and purchases that wait for an operator until they end.
    const isKept = found?.kind === 'order' || found?.kind === 'needs_attention';
    if (!isKept && isForgotten(acceptedAt)) return null;
    found ??= await conclude(trackingId, parts);
    return found ? describe(found, acceptedAt) : queued(acceptedAt);
  }

  function isForgotten(acceptedAt: number): boolean {
    return clock() - acceptedAt > keepOutcomesMs;
  }

  /** Polls for some of the waiting; undecided ones go to the end of the list. */
  async function askAgain(): Promise<void> {
    const asked = [...waiters.keys()].slice(0, ASK_AGAIN_MAX);
    const found = await ledger.find(asked);
    for (const id of asked) {
      const set = waiters.get(id);
      if (!set) continue;
      if (found.has(id)) for (const wake of [...set]) wake();
      else {
        waiters.delete(id);
        waiters.set(id, set);
      }
    }
    if (waiters.size > 0) polls.runIn(ASK_AGAIN_MS);
  }

  /** Resolves when the purchase may have been decided, or when the time is over. */
  function nextNews(trackingId: string, waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const set = waiters.get(trackingId) ?? new Set();
      waiters.set(trackingId, set);
      polls.runIn(ASK_AGAIN_MS);
      count++;
      const wake = () => {
        clearTimeout(timeUp);
        count--;
        set.delete(wake);
        if (set.size === 0) waiters.delete(trackingId);
        resolve();
      };
      const timeUp = setTimeout(wake, waitMs);
      set.add(wake);
    });
  }

  return {
    async read(trackingId, waitMs) {
      const parts = ids.read(trackingId);
      if (!parts) return null;
      if (parts.soldOut) {
        if (isForgotten(parts.acceptedAt)) return null;
        const { productId, quantity } = parts.soldOut;
        return {
          status: 'rejected',
          code: 'sold_out',
          message: refusalMessage('sold_out', quantity, 0),
          productId,
          quantity,
          price: null,
          updatedAt: parts.acceptedAt,
        };
      }
      const deadline = performance.now() + waitMs;
      for (;;) {
        const tracked = await within(ask(trackingId, parts), answerWithinMs, tooSlow);
        const leftMs = deadline - performance.now();
        if (tracked?.status !== 'queued' || leftMs <= 0 || closed || count >= WAITING_MAX) return tracked;
        await nextNews(trackingId, leftMs);
      }
    },
    close() {
      closed = true;
      unsubscribe();
      void polls.close();
      for (const set of [...waiters.values()]) for (const wake of [...set]) wake();
    },
    waiting: () => count,
  };
}

function tooSlow(): AppError {
  return new AppError('unavailable', 'The purchase could not be looked up in time.');
}

function queued(acceptedAt: number): Tracked {
  return {
    status: 'queued',
    code: null,
    message: 'Waiting to be decided',
    productId: null,
    quantity: null,
    price: null,
    updatedAt: acceptedAt,
  };
}

function describe(found: Found, acceptedAt: number): Tracked {
  switch (found.kind) {
    case 'order': {
      const { productId, quantity, customer, currency, createdAt } = found.order;
      return {
        status: 'confirmed',
        code: null,
        message: 'Purchase successful',
        productId,
        quantity,
        price: { amountMinor: amountMinor(found.order), currency },
        customer,
        updatedAt: createdAt,
      };
    }
    case 'refused': {
      const { productId, quantity, code, available, decidedAt } = found;
      const message = refusalMessage(code, quantity ?? 0, available);
      const status = code === 'too_old' || code === 'discarded' ? 'failed' : 'rejected';
      return { status, code, message, productId, quantity, price: null, updatedAt: decidedAt };
    }
    case 'needs_attention':
      return {
        ...queued(acceptedAt),
        code: 'needs_attention',
        message: 'Could not be decided yet; an operator has to look at it',
      };
  }
}
