import { createPurchaseIds, PURCHASE_ID_KEY_BYTES } from '../../../src/domain/ids.ts';
import type { Order } from '../../../src/domain/order.ts';
import type { DescribedProduct, NewProduct, Product } from '../../../src/domain/product.ts';
import type { Outcome, Purchase, Reservation } from '../../../src/domain/purchase.ts';
import type { BooksReader } from '../../../src/ports/books.ts';
import type { Ledger } from '../../../src/ports/ledger.ts';
import type { ChargeResult } from '../../../src/ports/payments.ts';

/** A ledger on a backend of its own, and what a test needs around it that the port does not offer. */
export interface LedgerUnderTest {
  /** Another one after each `reopen`. */
  readonly ledger: Ledger;
  readonly books: Pick<BooksReader, 'read'>;
  /** The ledger's own clock. */
  now(): number;
  /** Lets that clock go on. A backend whose clock cannot be moved really waits, so tests ask for a second at most. */
  passTime(ms: number): Promise<void>;
  setState(productId: number, state: Product['state']): Promise<void>;
  /** Ends this process' hold on the backend and opens it again. */
  reopen(): Promise<void>;
  close(): Promise<void>;
}

/** Long enough that no test outlives it. */
export const LONG_MS = 60_000;
/** Short enough to be waited for. */
export const SHORT_LEASE_MS = 20;
/** The shortest hold there is. */
export const HOLD_SECONDS = 1;

export type Scene = ReturnType<typeof createScene>;

/** Short words for what the contract's tests do all the time. Every test makes products of its own. */
export function createScene(made: () => LedgerUnderTest) {
  const ids = createPurchaseIds(new Uint8Array(PURCHASE_ID_KEY_BYTES), () => made().now());
  let lastProductId = 0;

  const scene = {
    get ledger(): Ledger {
      return made().ledger;
    },
    now: () => made().now(),
    passTime: (ms: number) => made().passTime(ms),
    setState: (productId: number, state: Product['state']) => made().setState(productId, state),
    reopen: () => made().reopen(),
    books: () => made().books.read(),
    newId: () => ids.mint(),

    /** Puts a product on sale; answers its id. */
    async sale(options: Partial<NewProduct> = {}): Promise<number> {
      const id = ++lastProductId;
      const product = { id, name: `Thing ${id}`, priceMinor: 250, currency: 'EUR', units: 10, ...options };
      await scene.ledger.addProducts([product]);
      return id;
    },

    /** The ledger has chosen this id by itself: `sale` goes on behind it. */
    skipIds(upTo: number): void {
      lastProductId = Math.max(lastProductId, upTo);
    },

    /** One unit for an anonymous buyer, sync and without key, but for `changes`. */
    purchase(productId: number, changes: Partial<Purchase> = {}): Purchase {
      const channel = changes.channel ?? 'sync';
      const acceptedAt = made().now();
      const plain = { quantity: 1, customer: null, key: null, refusal: null, expectedPriceMinor: null };
      const decideBy = acceptedAt + LONG_MS;
      return { id: ids.mint(channel), productId, channel, acceptedAt, decideBy, ...plain, ...changes };
    },

    async decide(...purchases: Purchase[]): Promise<Outcome[]> {
      return (await scene.ledger.decide(purchases)).outcomes;
    },

    /** Decides one purchase that is sure to get its units. */
    async reserve(productId: number, changes: Partial<Purchase> = {}): Promise<Order> {
      const [outcome] = await scene.decide(scene.purchase(productId, changes));
      return scene.order(orderIn(outcome).id);
    },

    async product(productId: number): Promise<Product> {
      return (await scene.ledger.product(productId))!;
    },

    async described(productId: number): Promise<DescribedProduct> {
      return (await scene.ledger.describedProduct(productId))!;
    },

    /** Units as `[available, reserved, sold]`. */
    async units(productId: number): Promise<[number, number, number]> {
      const { total, reserved, sold } = await scene.product(productId);
      return [total - reserved - sold, reserved, sold];
    },

    async order(orderId: string): Promise<Order> {
      return (await scene.ledger.order(orderId))!.order;
    },

    /** The orders of those that got units. */
    orders(outcomes: readonly Outcome[]): Promise<Order[]> {
      return Promise.all(outcomes.flatMap((o) => (o.kind === 'reserved' ? scene.order(o.order.id) : [])));
    },

    /** Leases an order and settles its attempt with this result. */
    async charge(orderId: string, result: ChargeResult['result']): Promise<void> {
      const [leased] = await scene.ledger.lease([orderId], LONG_MS);
      await scene.ledger.settle([{ orderId, attempt: leased!.attempt, leases: leased!.leases, result }]);
    },
  };
  return scene;
}

/** An outcome in one word; a repeated one is `again`. */
export function brief(outcome: Outcome | undefined): string {
  if (!outcome) return 'nothing';
  if (outcome.kind === 'refused') return outcome.code;
  if (outcome.kind !== 'reserved') return outcome.kind;
  return outcome.repeated ? 'again' : 'reserved';
}

/** What the buyer is told of the order, or an error that says what the purchase got instead. */
export function orderIn(outcome: Outcome | undefined): Reservation {
  if (outcome?.kind !== 'reserved') throw new Error(`no order but ${brief(outcome)}`);
  return outcome.order;
}

export function captured(providerId = 'p-1'): ChargeResult['result'] {
  return { type: 'captured', providerId };
}

export function failedWith(type: 'declined' | 'attempt_failed' | 'give_up'): ChargeResult['result'] {
  return { type, reason: `${type} for the test` };
}
