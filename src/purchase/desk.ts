import { AppError, isAppError } from '../domain/errors.ts';
import type { Product } from '../domain/product.ts';
import type { Outcome, Purchase } from '../domain/purchase.ts';
import type { Gate } from '../gate/gate.ts';
import type { Ledger, Standing } from '../ledger/ledger.ts';
import { type Catalogue, standingOf } from './catalogue.ts';
import { createResolver, type Resolver } from './resolver.ts';

/**
 * Turns many concurrent purchases into few batches (group commit). Purchases that arrive while a batch is in flight, or
 * within one turn of the event loop, form the next one: no timer and no minimum, so an idle system answers at once and a
 * loaded one batches by itself. Per batch and product one call of the gate claims for all, and one transaction of the
 * ledger decides for all.
 */
export interface PurchaseDesk {
  /**
   * Answers once the ledger has committed, or once the gate refused by the ledger's word. Rejects with AppError
   * `overloaded` (nothing done), `unavailable` (nothing done) or `outcome_unknown` (a resolver goes on).
   *
   * @param isGone asked before a purchase that waited goes to the ledger: nobody is left to hear the answer.
   */
  buy(purchase: Purchase, isGone?: () => boolean): Promise<Outcome>;

  /** Decides without the gate, for workers: a refusal that becomes final is the ledger's. Rejects like `buy`. */
  decide(purchases: readonly Purchase[]): Promise<Outcome[]>;

  /** Takes what others did to the units: settlement, resets. Wakes purchases that wait for units. */
  follow(standings: readonly Standing[]): Promise<void>;

  /** True while nobody knows whether this purchase was committed. */
  isPending(purchaseId: string): boolean;

  /** Answers what was taken in, then stops. New purchases are refused as `unavailable`. */
  close(): Promise<void>;

  readonly stats: DeskStats;
}

export interface DeskStats {
  batches: number;
  decided: number;
  refusedByGate: number;
  waited: number;
  /** Purchases inside the desk now. */
  inside: number;
}

export interface DeskOptions {
  /** Batches at the ledger at once. A ledger in this thread gains nothing from a second one. */
  readonly batchesInFlightMax: number;
  /** Called with every newly reserved order, after its commit. */
  readonly onReserved: (orderIds: string[]) => void;
  readonly onBug: (error: unknown, context: string) => void;
}

/** Purchases inside the desk; past it the answer is `overloaded`, before any work. Room for every connection we expect. */
export const INSIDE_MAX = 16_384;
/** Purchases in one batch: keeps one transaction, and so one pause of the event loop, to a few milliseconds. */
const BATCH_MAX = 512;
/** How long a purchase waits for a newer standing before the desk asks the ledger and shows the gate the truth. */
const WAIT_MS = 100;
/** A purchase younger than this is not asked whether its caller has gone. */
const GONE_CHECK_AFTER_MS = 50;

interface Ticket {
  readonly purchase: Purchase;
  readonly isGone: (() => boolean) | undefined;
  readonly arrivedAtMs: number;
  resolve(outcome: Outcome): void;
  reject(error: unknown): void;
}

export function createDesk(
  ledger: Ledger,
  gate: Gate,
  catalogue: Catalogue,
  monotonicMs: () => number,
  { batchesInFlightMax, onReserved, onBug }: DeskOptions,
): PurchaseDesk {
  const stats: DeskStats = { batches: 0, decided: 0, refusedByGate: 0, waited: 0, inside: 0 };
  const resolver: Resolver = createResolver(ledger, settled);
  /** Tickets that need units which other claims hold, by product. */
  const waiting = new Map<number, { tickets: Ticket[]; timer: Timer }>();
  let arrived: Ticket[] = [];
  let batchesInFlight = 0;
  let scheduled = false;
  let closing = false;

  function schedule(): void {
    if (scheduled || arrived.length === 0 || batchesInFlight >= batchesInFlightMax) return;
    scheduled = true;
    // After the poll phase: everything that this turn of the loop read from the sockets goes into one batch.
    setImmediate(dispatch);
  }

  function dispatch(): void {
    scheduled = false;
    if (arrived.length === 0 || batchesInFlight >= batchesInFlightMax) return;
    const batch = arrived.length <= BATCH_MAX ? arrived : arrived.slice(0, BATCH_MAX);
    arrived = arrived.length <= BATCH_MAX ? [] : arrived.slice(BATCH_MAX);
    batchesInFlight++;
    run(batch)
      .catch((error) => {
        for (const ticket of batch) ticket.reject(error);
      })
      .finally(() => {
        batchesInFlight--;
        schedule();
      });
    schedule();
  }

  async function run(batch: Ticket[]): Promise<void> {
    const byProduct = new Map<number, Ticket[]>();
    const nowMs = monotonicMs();
    for (const ticket of batch) {
      if (ticket.isGone && nowMs - ticket.arrivedAtMs > GONE_CHECK_AFTER_MS && ticket.isGone()) {
        ticket.reject(new AppError('unavailable', 'The caller has gone.'));
        continue;
      }
      const { productId } = ticket.purchase;
      const group = byProduct.get(productId);
      if (group) group.push(ticket);
      else byProduct.set(productId, [ticket]);
    }
    const admitted: Ticket[] = [];
    for (const [productId, tickets] of byProduct) await admit(productId, tickets, admitted);
    if (admitted.length > 0) await commit(admitted);
  }

  /** Sorts a product's tickets by the gate's word: refused are answered, waiting are parked, the rest is admitted. */
  async function admit(productId: number, tickets: Ticket[], admitted: Ticket[]): Promise<void> {
    const known = catalogue.standing(productId);
    // Sold out is re-checked with the ledger when the memory of it is no longer fresh.
    if (!known || (known.available === 0 && !catalogue.fresh(productId))) await showTruth(productId);
    const quantities = tickets.map(({ purchase }) => purchase.quantity);
    const answer = await gate.claim(productId, quantities, catalogue.standing(productId));
    if (!answer.known) {
      admitted.push(...tickets); // The ledger knows no such product either; it says so.
      return;
    }
    const wait: Ticket[] = [];
    tickets.forEach((ticket, i) => {
      const claim = answer.claims[i];
      // A key is looked up before any refusal: its first answer may have been a yes.
      if (claim === 'claimed' || ticket.purchase.key) admitted.push(ticket);
      else if (claim === 'wait') wait.push(ticket);
      else {
        stats.refusedByGate++;
        ticket.resolve({ kind: 'refused', code: 'sold_out', available: answer.standing.available });
      }
    });
    if (wait.length > 0) park(productId, wait);
  }

  async function commit(tickets: Ticket[]): Promise<void> {
    stats.batches++;
    const purchases = tickets.map(({ purchase }) => purchase);
    const answers = await decideEach(purchases);
    let refusedClaims = false;
    answers.forEach((answer, i) => {
      const ticket = tickets[i]!;
      if (answer instanceof Error) ticket.reject(answer);
      else {
        if (answer.kind !== 'reserved' || answer.repeated) refusedClaims = true;
        ticket.resolve(answer);
      }
    });
    // Units that were claimed and not taken are given back by the ledger's word; nobody should wait for them.
    if (waiting.size > 0) {
      for (const productId of new Set(purchases.map((purchase) => purchase.productId))) {
        const standing = catalogue.standing(productId);
        if (standing && refusedClaims) await gate.follow(standing, { force: true });
        unpark(productId);
      }
    }
  }

  /** Like `ledger.decide`, with an error in the place of each purchase that could not be decided. */
  async function decideEach(purchases: readonly Purchase[]): Promise<(Outcome | Error)[]> {
    try {
      const { outcomes, products } = await ledger.decide(purchases);
      settled(outcomes, products);
      return outcomes;
    } catch (error) {
      if (isAppError(error, 'outcome_unknown')) return resolver.resolve(purchases);
      if (error instanceof AppError) return purchases.map(() => error);
      if (purchases.length === 1) {
        onBug(error, `purchase ${purchases[0]!.id} could not be decided`);
        return [error as Error];
      }
      onBug(error, `a batch of ${purchases.length} purchases failed; they are decided one by one`);
      const answers: (Outcome | Error)[] = [];
      for (const purchase of purchases) answers.push(...(await decideEach([purchase])));
      return answers;
    }
  }

  /** What every commit means for this instance, whoever heard of it. */
  function settled(outcomes: readonly Outcome[], products: readonly Product[]): void {
    stats.decided += outcomes.length;
    catalogue.saw(products);
    const reserved: string[] = [];
    for (const outcome of outcomes) {
      if (outcome.kind === 'reserved' && !outcome.repeated) reserved.push(outcome.order.id);
    }
    if (reserved.length > 0) onReserved(reserved);
  }

  async function showTruth(productId: number): Promise<void> {
    const product = await catalogue.refresh(productId);
    if (product) await gate.follow(standingOf(product), { force: true });
  }

  function park(productId: number, tickets: Ticket[]): void {
    stats.waited += tickets.length;
    const parked = waiting.get(productId);
    if (parked) {
      parked.tickets.push(...tickets);
      return;
    }
    const timer = setTimeout(() => {
      showTruth(productId)
        .catch(() => undefined) // The ledger cannot be asked now; the tickets find that out themselves.
        .finally(() => unpark(productId));
    }, WAIT_MS);
    waiting.set(productId, { tickets, timer });
  }

  /** Puts waiting tickets back in front, in their order of arrival. */
  function unpark(productId: number): void {
    const parked = waiting.get(productId);
    if (!parked) return;
    waiting.delete(productId);
    clearTimeout(parked.timer);
    arrived = parked.tickets.concat(arrived);
    schedule();
  }

  return {
    stats,
    buy(purchase, isGone) {
      if (closing) return Promise.reject(new AppError('unavailable', 'The service is shutting down.'));
      if (stats.inside + resolver.pendingCount() >= INSIDE_MAX) {
        return Promise.reject(new AppError('overloaded', 'Too many purchases at once.'));
      }
      stats.inside++;
      return new Promise<Outcome>((resolve, reject) => {
        arrived.push({
          purchase,
          isGone,
          arrivedAtMs: monotonicMs(),
          resolve: (outcome) => {
            stats.inside--;
            resolve(outcome);
          },
          reject: (error) => {
            stats.inside--;
            reject(error);
          },
        });
        schedule();
      });
    },
    async decide(purchases) {
      const answers = await decideEach(purchases);
      for (const { productId } of purchases) if (waiting.has(productId)) unpark(productId);
      const failed = answers.find((answer) => answer instanceof Error);
      if (failed) throw failed;
      return answers as Outcome[];
    },
    async follow(standings) {
      for (const standing of standings) {
        await catalogue.refresh(standing.productId);
        await gate.follow(standing);
        unpark(standing.productId);
      }
    },
    isPending: (purchaseId) => resolver.isPending(purchaseId),
    async close() {
      closing = true;
      for (const productId of [...waiting.keys()]) unpark(productId);
      const deadline = monotonicMs() + CLOSE_DEADLINE_MS;
      while ((stats.inside > 0 || batchesInFlight > 0) && monotonicMs() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await resolver.close();
    },
  };
}

/** How long `close` waits for the last answers; a batch takes milliseconds, a resolver's patience is shorter than this. */
const CLOSE_DEADLINE_MS = 8_000;
