import { AppError, isAppError } from '../../domain/errors.ts';
import { available, type Product, type StockVersion, stockOf } from '../../domain/product.ts';
import type { Outcome, Purchase } from '../../domain/purchase.ts';
import type { Log } from '../../lib/log.ts';
import { within } from '../../lib/within.ts';
import type { Decisions } from '../../ports/decisions.ts';
import type { Gate, UpdateWhen } from '../../ports/gate.ts';
import type { Tracing } from '../../ports/tracing.ts';
import { createPendingAdmissions } from './pending-admissions.ts';
import { traceClaim, traceDecision } from './purchase-trace.ts';
import { createResolver, unknown } from './resolver.ts';
import type { StockCache } from './stock-cache.ts';

/**
 * Turns many concurrent purchases into few batches (group commit). Purchases that arrive while a batch is in flight, or
 * within one turn of the event loop, form the next one: no timer, so an idle system answers at once and a loaded one batches
 * by itself. Per batch and product one call of the gate claims for all, and one transaction of the
 * ledger decides for all.
 */
export interface PurchaseBatcher {
  /**
   * Accepts a purchase. Its call is answered once the ledger has committed, or once the gate refused on the ledger's
   * evidence, or with an AppError: `overloaded` (nothing done), `unavailable` (nothing done) or `outcome_unknown` (the
   * resolver continues). All within `answerWithinMs` of the arrival.
   */
  enter(call: PurchaseCall): void;

  /** `enter` as a promise. */
  buy(purchase: Purchase): Promise<Outcome>;

  /** Decides without the gate, for workers: a final refusal must be the ledger's. Rejects like `buy`. */
  decide(purchases: readonly Purchase[]): Promise<Outcome[]>;

  /** Answers accepted purchases, then stops. New purchases are refused as `unavailable`. */
  close(): Promise<void>;

  readonly stats: BatcherStats;
}

/** A purchase and its callbacks. An object rather than a promise: there is one per request. */
export interface PurchaseCall {
  readonly purchase: Purchase;
  /** Monotonic time of arrival. */
  readonly arrivedAtMs: number;
  answer(outcome: Outcome): void;
  fail(error: unknown): void;
  /** Called after `fail` with `outcome_unknown`, once the outcome is known. */
  resolved(): void;
  /** The purchase's stage, written by the batcher; initially `inside`. */
  stage: Stage;
  /** Checked before a purchase goes to the gate and the ledger: true when the client has disconnected. */
  isGone(): boolean;
}

export type Stage = 'inside' | 'at the ledger' | 'answered';

export interface BatcherStats {
  batches: number;
  decided: number;
  refusedByGate: number;
  /** Purchases that the ledger refused with an error of ours, such as a broken constraint. */
  broken: number;
  waited: number;
  /** Purchases inside the batcher now. */
  inside: number;
  /** Purchases that were answered `outcome_unknown` and are not resolved yet. */
  pending: number;
}

export interface BatcherOptions {
  /** Concurrent batches at the ledger. With a single writer a second one would only wait, and be smaller. */
  readonly batchesInFlightMax: number;
  /** How long purchases wait for claimed units before the ledger is read. 100 ms by default. */
  readonly silenceMs?: number | undefined;
  /** The longest time from a purchase's arrival to its answer: gate, ledger and all waiting included. */
  readonly answerWithinMs: number;
  readonly tracing?: Tracing | null;
  readonly log: Log;
}

/** Purchases inside the batcher; beyond it the answer is `overloaded`, before any work. Enough for all expected connections. */
export const INSIDE_MAX = 16_384;
/** Purchases in one batch: keeps one transaction, and so one pause of the event loop, to a few milliseconds. */
const BATCH_MAX = 512;
/**
 * A concurrent batch is worth its own round trip and commit only when it is large: at least so, and no smaller than the one before it.
 * Without this rule two in flight make batches of 85 where one makes 127, and each purchase takes a fifth more of the backend's CPU and
 * ours. Where several processes wait for one product's row, batches grow until each process has one under way.
 */
const SECOND_BATCH_MIN = 96;
/**
 * While other processes sell the same products, a batch waits for more purchases before it joins those at the row: for this part of what
 * the last one took at the ledger, at most so long. A batch has costs of its own: with 43 purchases in each instead of 82, a
 * purchase took a fifth to a third more of all CPU (docs/performance.md, "More processes").
 */
const WAIT_WITH_OTHERS = 1 / 3;
const WAIT_WITH_OTHERS_MS_MAX = 4;
/**
 * With units for so many batches like this one the gate is not asked: a call less in the way of each purchase. The batches under way,
 * two in each process, may have taken some of these units; where they took more, the ledger refuses a few purchases itself.
 */
const PLENTY_OF_BATCHES = 16;
/** How often overdue purchases are searched for; an overdue answer is at most this late. */
const OVERDUE_CHECK_MS = 100;
/** A purchase that has retried the gate for this long goes to the ledger, whatever the gate answers. */
const GATE_PATIENCE_MS = 250;

export function createPurchaseBatcher(
  ledger: Pick<Decisions, 'decide'>,
  gate: Gate,
  stockCache: StockCache,
  monotonicMs: () => number,
  { batchesInFlightMax, answerWithinMs, silenceMs, tracing = null, log }: BatcherOptions,
): PurchaseBatcher {
  const stats: BatcherStats = {
    batches: 0,
    decided: 0,
    refusedByGate: 0,
    broken: 0,
    waited: 0,
    inside: 0,
    pending: 0,
  };
  const resolver = createResolver(ledger);
  const pendingAdmissions = createPendingAdmissions<PurchaseCall>(comeBack, updateFromLedger, silenceMs);
  /** Batches that are not over: at the gate, at the ledger, or being resolved. */
  const underWay = new Set<readonly PurchaseCall[]>();
  let arrived: PurchaseCall[] = [];
  let batchesInFlight = 0;
  let lastBatchSize = 0;
  let lastTookMs = 0;
  const others = createOthersWatch();
  let scheduled = false;
  let closing = false;
  let overdueCheck: Timer | undefined;

  function enter(call: PurchaseCall): void {
    if (closing) {
      call.fail(new AppError('unavailable', 'The service is shutting down.'));
    } else if (stats.inside + stats.pending >= INSIDE_MAX) {
      call.fail(new AppError('overloaded', 'Too many purchases at once.'));
    } else {
      stats.inside++;
      arrived.push(call);
      overdueCheck ??= setInterval(answerOverdue, OVERDUE_CHECK_MS);
      schedule();
    }
  }

  function answer(call: PurchaseCall, outcome: Outcome): void {
    stats.inside--;
    call.stage = 'answered';
    call.answer(outcome);
  }

  function fail(call: PurchaseCall, error: unknown): void {
    stats.inside--;
    call.stage = 'answered';
    call.fail(error);
  }

  /** Fails overdue purchases: surely nothing was done, or the outcome is unknown. */
  function answerOverdue(): void {
    const before = monotonicMs() - answerWithinMs;
    for (const batch of underWay) {
      for (const call of batch) {
        if (call.arrivedAtMs > before || call.stage === 'answered') continue;
        if (call.stage === 'at the ledger') stats.pending++;
        fail(call, call.stage === 'at the ledger' ? unknown() : tooSlow());
      }
    }
    pendingAdmissions.callBackIf((calls) => calls[0]!.arrivedAtMs <= before);
    if (arrived.some((call) => call.arrivedAtMs <= before)) {
      for (const call of arrived) if (call.arrivedAtMs <= before) fail(call, tooSlow());
      arrived = arrived.filter(({ stage }) => stage !== 'answered');
    }
    if (stats.inside > 0) return;
    clearInterval(overdueCheck);
    overdueCheck = undefined;
  }

  /** Calls from the pending admissions go before later arrivals. */
  function comeBack(calls: PurchaseCall[]): void {
    arrived = calls.filter(({ stage }) => stage !== 'answered').concat(arrived);
    schedule();
  }

  function hasRoom(): boolean {
    if (batchesInFlight === 0) return true;
    const enough = Math.max(SECOND_BATCH_MIN, lastBatchSize);
    return batchesInFlight < batchesInFlightMax && arrived.length >= enough;
  }

  function schedule(): void {
    if (scheduled || arrived.length === 0 || !hasRoom()) return;
    scheduled = true;
    if (batchesInFlight === 0 && others.areSelling()) {
      setTimeout(dispatch, Math.min(lastTookMs * WAIT_WITH_OTHERS, WAIT_WITH_OTHERS_MS_MAX));
    } else {
      // After the poll phase, so that all requests read in this turn of the loop go into one batch.
      setImmediate(dispatch);
    }
  }

  function dispatch(): void {
    scheduled = false;
    if (arrived.length === 0 || !hasRoom()) return;
    const batch = arrived.length <= BATCH_MAX ? arrived : arrived.slice(0, BATCH_MAX);
    arrived = arrived.length <= BATCH_MAX ? [] : arrived.slice(BATCH_MAX);
    batchesInFlight++;
    lastBatchSize = batch.length;
    run(batch).finally(() => {
      batchesInFlight--;
      schedule();
    });
    schedule();
  }

  async function run(batch: PurchaseCall[]): Promise<void> {
    const admitted: PurchaseCall[] = [];
    underWay.add(batch);
    // Concurrently: a gate behind the network would otherwise cost one round trip per product.
    await Promise.all(
      Array.from(groupByProduct(batch), ([productId, calls]) =>
        // The ledger could not even be read for the product; of the group only overdue ones were answered.
        admit(productId, calls, admitted).catch((error) => {
          for (const call of calls) if (call.stage !== 'answered') fail(call, error);
        }),
      ),
    );
    underWay.delete(batch);
    const waiting = admitted.filter(({ stage }) => stage !== 'answered');
    if (waiting.length > 0) await commit(waiting);
  }

  function groupByProduct(batch: PurchaseCall[]): Map<number, PurchaseCall[]> {
    const groups = new Map<number, PurchaseCall[]>();
    for (const call of batch) {
      // Checked even for the newest: what makes Bun close a connection (a request behind it, a stray line end, a trailer) mostly
      // comes in the same read, so the connection is closed by now, and the order would have no client.
      if (call.isGone()) {
        fail(call, new AppError('unavailable', 'The caller has disconnected.'));
        continue;
      }
      const group = groups.get(call.purchase.productId);
      if (group) group.push(call);
      else groups.set(call.purchase.productId, [call]);
    }
    return groups;
  }

  /** Whether no gate could refuse these calls: the ledger had many times their units a moment ago. */
  function hasPlenty(productId: number, calls: readonly PurchaseCall[]): boolean {
    const product = stockCache.fresh(productId);
    if (!product) return false;
    const units = calls.reduce((sum, { purchase }) => sum + purchase.quantity, 0);
    return available(product) >= PLENTY_OF_BATCHES * units;
  }

  /** Sorts a product's calls by the gate's answer: some are refused, some wait, the rest is admitted. */
  async function admit(productId: number, calls: PurchaseCall[], admitted: PurchaseCall[]): Promise<void> {
    if (hasPlenty(productId, calls)) {
      admitted.push(...calls);
      return;
    }
    const known = stockCache.stock(productId);
    // A sell-out is re-checked with the ledger when the stock cache is no longer fresh.
    if (!known || (known.available === 0 && !stockCache.fresh(productId))) await updateFromLedger(productId);
    if (stockCache.refuses(productId)) {
      admitted.push(...calls);
      return;
    }
    const seen = stockCache.stock(productId);
    if (!seen) {
      // The ledger has no such product, but may know the key.
      for (const call of calls) {
        if (call.purchase.key) admitted.push(call);
        else if (call.stage !== 'answered') answer(call, UNKNOWN_PRODUCT);
      }
      return;
    }
    const quantities = calls.map(({ purchase }) => purchase.quantity);
    const trace = tracing === null ? null : traceClaim(tracing, calls);
    const claimed = await gate.claim(productId, quantities, seen).catch(() => NO_GATE);
    trace?.end();
    if (!claimed.known) {
      admitted.push(...calls);
      return;
    }
    const left = claimed.claims.includes('refused') ? await unitsLeft(productId, claimed.stock) : 0;
    // A sale that was ended meanwhile must not be called sold out.
    const saleRefuses = stockCache.refuses(productId);
    const patientSince = monotonicMs() - GATE_PATIENCE_MS;
    const wait: PurchaseCall[] = [];
    calls.forEach((call, i) => {
      const claim = claimed.claims[i];
      if (call.stage === 'answered') return;
      // A key is looked up before any refusal: its first answer may have been a yes.
      if (claim === 'claimed' || call.purchase.key || saleRefuses) admitted.push(call);
      else if (claim === 'wait' && call.arrivedAtMs > patientSince) wait.push(call);
      else if (claim === 'refused' && left < call.purchase.quantity) {
        stats.refusedByGate++;
        answer(call, { kind: 'refused', code: 'sold_out', available: left });
      } else admitted.push(call);
    });
    if (wait.length > 0) {
      stats.waited += wait.length;
      pendingAdmissions.park(productId, wait);
    }
  }

  /**
   * The units that a refusal rests on: the ledger's own count, no older than the stock cache allows. The gate follows the
   * ledger, so a gate ahead of the ledger is wrong, and is updated from it.
   */
  async function unitsLeft(productId: number, gates: StockVersion): Promise<number> {
    let product = stockCache.fresh(productId);
    if (!product || product.version < gates.version) {
      await stockCache.refresh(productId);
      // The answer to a query may be old when it arrives, too.
      product = stockCache.fresh(productId);
    }
    if (!product) return Number.POSITIVE_INFINITY;
    const own = stockOf(product);
    const isNonsense =
      gates.version > own.version || (gates.version === own.version && gates.available !== own.available);
    if (isNonsense) await updateGate(own, 'force');
    return own.available;
  }

  /** Resolves when the ledger is free for another batch, perhaps before every purchase of this one is answered. */
  async function commit(calls: PurchaseCall[]): Promise<void> {
    stats.batches++;
    underWay.add(calls);
    for (const call of calls) call.stage = 'at the ledger';
    const purchases = calls.map(({ purchase }) => purchase);
    let decided: (Outcome | Error)[];
    try {
      decided = await decideOnce(purchases);
    } catch {
      void resolve(purchases).then((outcomes) => answerAll(calls, outcomes));
      return;
    }
    await answerAll(calls, decided);
  }

  async function answerAll(
    calls: readonly PurchaseCall[],
    decided: readonly (Outcome | Error)[],
  ): Promise<void> {
    underWay.delete(calls);
    /** Products with units that were claimed and not taken. */
    const givenBack = new Set<number>();
    calls.forEach((call, i) => {
      const outcome = decided[i]!;
      if (outcome instanceof Error || outcome.kind !== 'reserved' || outcome.repeated) {
        givenBack.add(call.purchase.productId);
      }
      if (call.stage === 'answered') {
        stats.pending--;
        call.resolved();
      } else if (outcome instanceof Error) fail(call, outcome);
      // By the ledger's clock its time was over a moment earlier than by ours.
      else if (outcome.kind === 'refused' && outcome.code === 'too_old') fail(call, tooSlow());
      else answer(call, outcome);
    });
    for (const productId of givenBack) {
      const stock = stockCache.stock(productId);
      // Never over a newer version, which another process may have set meanwhile.
      if (stock) await updateGate(stock, 'ifNotOlder');
    }
    callBackWaiting(calls.map(({ purchase }) => purchase));
  }

  function callBackWaiting(purchases: readonly Purchase[]): void {
    if (pendingAdmissions.isEmpty()) return;
    for (const productId of new Set(purchases.map((purchase) => purchase.productId)))
      pendingAdmissions.callBack(productId);
  }

  /**
   * Like `ledger.decide`, with an error in the place of each purchase that could not be decided. Rejects with `outcome_unknown`
   * when the outcome of the whole batch is unknown.
   */
  async function decideOnce(purchases: readonly Purchase[]): Promise<(Outcome | Error)[]> {
    const trace = tracing === null ? null : traceDecision(tracing, purchases);
    try {
      const askedAtMs = monotonicMs();
      const { outcomes, changes } = await ledger.decide(purchases);
      lastTookMs = monotonicMs() - askedAtMs;
      others.sawCommit(changes.products);
      trace?.end(outcomes);
      stats.decided += outcomes.length;
      return outcomes;
    } catch (error) {
      trace?.fail(error);
      if (isAppError(error, 'outcome_unknown')) throw error;
      if (error instanceof AppError) return purchases.map(() => error);
      if (purchases.length === 1) {
        stats.broken++;
        log.error({ err: error }, `purchase ${purchases[0]!.id} could not be decided`);
        return [error as Error];
      }
      log.error(
        { err: error },
        `a batch of ${purchases.length} purchases failed; they are decided one by one`,
      );
      const decided: (Outcome | Error)[] = [];
      for (const purchase of purchases) decided.push(...(await decideEach([purchase])));
      return decided;
    }
  }

  function decideEach(purchases: readonly Purchase[]): Promise<(Outcome | Error)[]> {
    return decideOnce(purchases).catch(() => resolve(purchases));
  }

  async function resolve(purchases: readonly Purchase[]): Promise<(Outcome | Error)[]> {
    const outcomes = await resolver.resolve(purchases);
    for (const outcome of outcomes) if (!(outcome instanceof Error)) stats.decided++;
    return outcomes;
  }

  async function updateFromLedger(productId: number): Promise<void> {
    const product = await stockCache.refresh(productId);
    if (product) await updateGate(stockOf(product), 'force');
  }

  /** A gate that cannot be updated catches up later or is bypassed; both are harmless. */
  async function updateGate(stock: StockVersion, when: UpdateWhen): Promise<void> {
    await gate.update(stock, when).catch(() => undefined);
  }

  /** This process's next claim carries the stock version of its purchases. Released units are set at once, for waiting purchases. */
  const unsubscribe = stockCache.onChange((product, before) => {
    pendingAdmissions.callBack(product.id);
    const mayHaveMore =
      !before || product.generation !== before.generation || available(product) > available(before);
    if (mayHaveMore) void updateGate(stockOf(product), 'ifNewer');
  });

  return {
    stats,
    enter,
    buy(purchase) {
      return new Promise((answer, fail) => {
        const arrivedAtMs = monotonicMs();
        enter({ purchase, arrivedAtMs, stage: 'inside', answer, fail, resolved() {}, isGone: () => false });
      });
    },
    async decide(purchases) {
      // A worker without an answer leaves the purchases in the queue; the resolver continues.
      const decided = await within(decideEach(purchases), answerWithinMs, unknown);
      callBackWaiting(purchases);
      const failed = decided.find((outcome) => outcome instanceof Error);
      if (failed) throw failed;
      return decided as Outcome[];
    },
    async close() {
      closing = true;
      pendingAdmissions.callBackIf(() => true);
      const deadlineMs = monotonicMs() + CLOSE_DEADLINE_MS;
      while (stats.inside > 0 && monotonicMs() < deadlineMs) {
        await new Promise((resolve) => setTimeout(resolve, CLOSE_CHECK_MS));
      }
      clearInterval(overdueCheck);
      unsubscribe();
      await resolver.close();
    },
  };
}

/**
 * Whether others sell what this batcher sells, other processes mostly: then a product's version rises by more than one between two of its
 * batches.
 */
function createOthersWatch() {
  /** Of the last batch. */
  let versions: ReadonlyMap<number, number> = new Map();
  let selling = false;
  return {
    areSelling: () => selling,
    sawCommit(products: readonly Product[]): void {
      selling = products.some(({ id, version }) => version > (versions.get(id) ?? version) + 1);
      versions = new Map(products.map(({ id, version }) => [id, Math.max(version, versions.get(id) ?? 0)]));
    },
  };
}

function tooSlow(): AppError {
  return new AppError('unavailable', 'The purchase could not be decided in time. Nothing was done.');
}

/** An unreachable gate admits every purchase. */
const NO_GATE = { known: false } as const;
const UNKNOWN_PRODUCT = { kind: 'refused', code: 'unknown_product', available: 0 } as const;

/** How long `close` waits for the last answers; a batch takes milliseconds, and the resolver gives up before this. */
const CLOSE_DEADLINE_MS = 8_000;
const CLOSE_CHECK_MS = 5;
