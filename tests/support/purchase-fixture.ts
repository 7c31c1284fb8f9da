import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openMemoryGate } from '../../src/adapters/memory/gate.ts';
import { openSqliteBooks } from '../../src/adapters/sqlite/ledger/books.ts';
import { openSqliteLedger } from '../../src/adapters/sqlite/ledger.ts';
import { openSqliteQueue } from '../../src/adapters/sqlite/queue.ts';
import { openStore } from '../../src/adapters/sqlite/store.ts';
import { createChangeBus, publishing } from '../../src/app/changes.ts';
import { audit } from '../../src/app/ops/audit.ts';
import {
  type BatcherOptions,
  createPurchaseBatcher,
  type PurchaseBatcher,
  type PurchaseCall,
} from '../../src/app/purchase/batcher.ts';
import { createConclude } from '../../src/app/purchase/conclude.ts';
import { createStockCache } from '../../src/app/purchase/stock-cache.ts';
import { createPurchaseIds, PURCHASE_ID_KEY_BYTES } from '../../src/domain/ids.ts';
import { available, type NewProduct } from '../../src/domain/product.ts';
import type { Outcome, Purchase, PurchaseKey } from '../../src/domain/purchase.ts';
import { NO_LOG } from '../../src/lib/log.ts';
import type { Ledger } from '../../src/ports/ledger.ts';
import type { Queue } from '../../src/ports/queue.ts';
import { keptLog } from './kept-log.ts';
import { otherProcesses } from './other-processes.ts';

/** What a call hears after `outcome_unknown` once that is over. */
export const RESOLVED = new Error('resolved');
/** As by default. */
export const ANSWER_WITHIN_MS = 3_000;
export const TTL_MS = 1_800_000;
export const KEEP_MS = 86_400_000;
/** Product 1 of every fixture. */
export const PRODUCT_ID = 1;

/** What a fault does instead of the ledger's `decide`; it may call the real one. */
export type DecideFault = (
  purchases: readonly Purchase[],
  decide: Ledger['decide'],
) => ReturnType<Ledger['decide']>;

/**
 * Everything behind the purchase core for real (SQLite ledger and queue in a folder of their own, the in-process gate), with
 * clocks that can be moved on and backends that can be made to fail.
 */
export async function openPurchaseFixture(product: Partial<NewProduct> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'pulsecart-purchase-'));
  const store = openStore(folder);
  let aheadMs = 0;
  const clock = () => Date.now() + aheadMs;
  const monotonicMs = () => performance.now() + aheadMs;
  const ids = createPurchaseIds(new Uint8Array(PURCHASE_ID_KEY_BYTES), clock);
  const real = openSqliteLedger(store, clock);
  const realQueue = openSqliteQueue(store, clock);
  const gate = openMemoryGate();
  const batches: (readonly Purchase[])[] = [];
  const bugs: string[] = [];
  const reserved: string[] = [];
  const batchers: PurchaseBatcher[] = [];
  await real.addProducts([
    { id: PRODUCT_ID, name: 'A thing', priceMinor: 100, currency: 'USD', units: 100, ...product },
  ]);

  const others = otherProcesses();
  const changes = createChangeBus(others.feed, keptLog(bugs));
  changes.subscribe({
    committed: (committed) => reserved.push(...committed.reserved),
  });
  const underneath: Ledger = {
    ...real,
    product(productId) {
      fixture.truthsAsked++;
      return real.product(productId);
    },
    decide(purchases, again) {
      batches.push(purchases);
      return fixture.decideFault
        ? fixture.decideFault(purchases, (asked) => real.decide(asked, again))
        : real.decide(purchases, again);
    },
  };
  /** Methods to be failed by a test; `decide` has a way of its own. */
  const ledger = publishing(underneath, changes, monotonicMs);
  const queue: Queue = { ...realQueue };
  const stockCache = createStockCache({ ledger, changes, monotonicMs, clock, log: NO_LOG });
  const decideWithinMs = { sync: ANSWER_WITHIN_MS, async: TTL_MS };

  const fixture = {
    store,
    ids,
    clock,
    gate,
    stockCache,
    changes,
    /** Processes on the same ledger. */
    others,
    monotonicMs,
    conclude: createConclude(ledger, clock, decideWithinMs, KEEP_MS, ANSWER_WITHIN_MS),
    /** As the code under test sees it. */
    ledger,
    /** Below what is published: methods that a test lets fail or delays. */
    underneath,
    queue,
    /** As it really is. */
    real,
    realQueue,
    decideFault: null as DecideFault | null,
    /** How often the ledger was asked for a product, as a batcher does after a silence. */
    truthsAsked: 0,
    /** Every batch the ledger was asked to decide. */
    batches,
    bugs,
    /** Ids of orders reserved here, as payments would get them. */
    reserved,

    batcher(options: Partial<BatcherOptions> = {}): PurchaseBatcher {
      const batcher = createPurchaseBatcher(ledger, gate, stockCache, monotonicMs, {
        batchesInFlightMax: 1,
        answerWithinMs: ANSWER_WITHIN_MS,
        log: keptLog(bugs),
        ...options,
      });
      batchers.push(batcher);
      return batcher;
    },

    purchase(changes: Partial<Purchase> = {}): Purchase {
      const plain = { quantity: 1, customer: null, key: null, refusal: null, expectedPriceMinor: null };
      const { channel = 'sync', acceptedAt = clock() } = changes;
      const decideBy = acceptedAt + (channel === 'sync' ? ANSWER_WITHIN_MS : TTL_MS);
      return {
        id: ids.mint(channel),
        productId: PRODUCT_ID,
        channel,
        acceptedAt,
        decideBy,
        ...plain,
        ...changes,
      };
    },

    queued(changes: Partial<Purchase> = {}): Purchase {
      return fixture.purchase({ channel: 'async', ...changes });
    },

    /** A call whose answer the test does not wait for. */
    call(purchase: Purchase, isGone = () => false): PurchaseCall & { answers: (Outcome | Error)[] } {
      const answers: (Outcome | Error)[] = [];
      const answer = (outcome: unknown) => void answers.push(outcome as Outcome);
      const resolved = () => void answers.push(RESOLVED);
      const stage = 'inside';
      return {
        purchase,
        arrivedAtMs: monotonicMs(),
        stage,
        answer,
        fail: answer,
        resolved,
        isGone,
        answers,
      };
    },

    /** Lets both clocks go on. */
    passTime(ms: number): void {
      aheadMs += ms;
    },

    async units(): Promise<{ available: number; reserved: number }> {
      const now = (await real.product(PRODUCT_ID))!;
      return { available: available(now), reserved: now.reserved };
    },

    /** Verdicts of the audit that did not pass. */
    async breaches(): Promise<string[]> {
      const verdicts = audit(await openSqliteBooks(store, clock).read());
      return verdicts.filter(({ pass }) => !pass).map(({ name, detail }) => `${name}: ${detail}`);
    },

    async close(): Promise<void> {
      fixture.decideFault = null;
      await realQueue.close();
      await Promise.all(batchers.map((batcher) => batcher.close()));
      stockCache.close();
      changes.close();
      store.close();
      rmSync(folder, { recursive: true });
    },
  };
  return fixture;
}

export type PurchaseFixture = Awaited<ReturnType<typeof openPurchaseFixture>>;

export function keyOf(value: string, changes: Partial<PurchaseKey> = {}): PurchaseKey {
  return { scope: 'sync:customer:ann', value, fingerprint: '1:1', ...changes };
}

/** How often each word occurs among outcomes: `{ reserved: 3, sold_out: 2 }`. Errors count by their code. */
export function countKinds(answers: readonly unknown[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const answer of answers) {
    const { kind, code, message } = answer as { kind?: string; code?: string; message?: string };
    const word = code ?? kind ?? message ?? String(answer);
    counts[word] = (counts[word] ?? 0) + 1;
  }
  return counts;
}
