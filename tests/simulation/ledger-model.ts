import type { OrderStatus } from '../../src/domain/order.ts';
import type { Product } from '../../src/domain/product.ts';
import type { ProductChanges } from '../../src/domain/product-changes.ts';
import type { Outcome, Purchase } from '../../src/domain/purchase.ts';
import type { ChargeName, ChargeResult, LateCapture } from '../../src/ports/payments.ts';
import type { PaymentAttempt } from '../../src/ports/queries.ts';

/** An order as the model knows it. */
export interface ModelOrder {
  readonly purchase: Purchase;
  readonly generation: number;
  readonly number: number;
  readonly remaining: number;
  readonly expiresAt: number;
  status: OrderStatus;
  attempts: number;
  leases: number;
  leaseUntil: number;
  readonly payments: ModelPayment[];
}

/** Attempt `n` is the n-th from one. `dueAt` and `tries` are those of its refund. */
interface ModelPayment {
  status: PaymentAttempt['status'];
  dueAt: number;
  tries: number;
}

interface ModelProduct {
  /** Units each round was opened with; the last one is running. */
  readonly rounds: number[];
  limit: number | null;
  lastNumber: number;
  closesAt: number | null;
  state: Product['state'];
}

export type ModelChanges = Pick<ProductChanges, 'perCustomerLimit' | 'closesAt' | 'state' | 'addUnits'>;

const RESERVED: readonly OrderStatus[] = ['reserved', 'charging'];
const SOLD: readonly OrderStatus[] = ['paid', 'refunding'];

/**
 * What a ledger must answer, said as simply as can be: it keeps orders and derives everything else from them. No counter is
 * moved here, so a counter that the real ledger moves wrongly does not go unnoticed.
 */
export function createLedgerModel(holdMs: number) {
  const products = new Map<number, ModelProduct>();
  const orders = new Map<string, ModelOrder>();
  const refused = new Map<string, { code: string; available: number }>();
  const keys = new Map<string, { fingerprint: string; id: string }>();
  /** When a key was refused last. */
  const refusedKeys = new Map<string, number>();

  function units(
    productId: number,
    statuses: readonly OrderStatus[],
    of: Partial<ModelOrder> & { customer?: string } = {},
  ) {
    let sum = 0;
    for (const { purchase, status, generation } of orders.values()) {
      if (purchase.productId !== productId || !statuses.includes(status)) continue;
      if (of.generation !== undefined && of.generation !== generation) continue;
      if (of.customer !== undefined && of.customer !== purchase.customer) continue;
      sum += purchase.quantity;
    }
    return sum;
  }

  function available(productId: number): number {
    const { rounds } = products.get(productId)!;
    return rounds.at(-1)! - units(productId, [...RESERVED, ...SOLD], { generation: rounds.length });
  }

  function refuse(
    { id, channel, key }: Purchase,
    again: boolean,
    code: string,
    free: number,
    now: number,
  ): string {
    if (channel === 'async' || again) refused.set(id, { code, available: free });
    if (channel === 'sync' && key) refusedKeys.set(`${key.scope}/${key.value}`, now);
    return `${code} ${free}`;
  }

  function decideOne(purchase: Purchase, again: boolean, now: number): string {
    const { id, productId, quantity, customer, channel, key } = purchase;
    const own = orders.get(id);
    const told = refused.get(id);
    if (channel === 'async' && own) return repeated(own);
    if (channel === 'async' && told) return `${told.code} ${told.available}`;
    const bound = key ? keys.get(`${key.scope}/${key.value}`) : undefined;
    if (bound) {
      if (bound.fingerprint !== key!.fingerprint) return 'mismatch';
      const first = orders.get(bound.id);
      if (first) return repeated(first);
    }
    if (own) return repeated(own);
    if (told) return `${told.code} ${told.available}`;
    const product = products.get(productId);
    if (!product) return refuse(purchase, again, 'unknown_product', 0, now);
    const free = available(productId);
    if (purchase.refusal) return refuse(purchase, again, purchase.refusal, free, now);
    if (now >= purchase.decideBy) return refuse(purchase, again, 'too_old', free, now);
    if (channel === 'sync' && product.closesAt !== null && product.closesAt <= now) {
      return refuse(purchase, again, 'sale_closed', free, now);
    }
    if (channel === 'sync' && product.state === 'paused')
      return refuse(purchase, again, 'sale_paused', free, now);
    if (free < quantity) return refuse(purchase, again, 'sold_out', free, now);
    const generation = product.rounds.length;
    if (product.limit !== null && customer !== null) {
      const held = units(productId, [...RESERVED, ...SOLD], { generation, customer });
      if (held + quantity > product.limit) return refuse(purchase, again, 'limit_reached', free, now);
    }
    const refusedAt = key && refusedKeys.get(`${key.scope}/${key.value}`);
    if (channel === 'sync' && refusedAt && refusedAt > purchase.acceptedAt) return 'superseded';
    const order: ModelOrder = {
      purchase,
      generation,
      number: ++product.lastNumber,
      remaining: free - quantity,
      expiresAt: now + holdMs,
      status: 'reserved',
      attempts: 0,
      leases: 0,
      leaseUntil: 0,
      payments: [],
    };
    orders.set(id, order);
    if (key && !bound) keys.set(`${key.scope}/${key.value}`, { fingerprint: key.fingerprint, id });
    return `reserved ${inWords(order)}`;
  }

  function captureLate(captures: readonly LateCapture[], now: number): void {
    for (const { orderId, attempt } of captures) {
      const order = orders.get(orderId);
      const payment = order?.payments[attempt - 1];
      if (!order || !payment || ['captured', 'refunding', 'refunded'].includes(payment.status)) continue;
      const underWay = order.status === 'charging' && order.attempts === attempt;
      const keeps =
        underWay || order.status === 'reserved' || (order.status === 'expired' && couldHaveItsUnits(order));
      if (keeps) order.status = 'paid';
      else if (['expired', 'cancelled', 'declined'].includes(order.status)) order.status = 'returning';
      Object.assign(payment, keeps ? { status: 'captured' } : { status: 'refunding', dueAt: now });
    }
  }

  function couldHaveItsUnits({ purchase, generation }: ModelOrder): boolean {
    const { productId, quantity, customer } = purchase;
    const { rounds, limit } = products.get(productId)!;
    if (generation !== rounds.length || available(productId) < quantity) return false;
    if (limit === null || customer === null) return true;
    return units(productId, [...RESERVED, ...SOLD], { generation, customer }) + quantity <= limit;
  }

  return {
    orders,
    refused,
    addProduct(id: number, unitsOfIt: number, limit: number | null) {
      products.set(id, { rounds: [unitsOfIt], limit, lastNumber: 0, closesAt: null, state: 'open' });
    },
    /** `done`, or why not. */
    change(id: number, changes: ModelChanges, now: number): string {
      const product = products.get(id)!;
      const { addUnits = 0, perCustomerLimit: limit = product.limit, closesAt = product.closesAt } = changes;
      if (closesAt !== product.closesAt && closesAt !== null && closesAt < now) return 'schedule_in_the_past';
      if (available(id) + addUnits < 0) return 'units_below_committed';
      const customers = new Set([...orders.values()].map(({ purchase }) => purchase.customer));
      const of = (customer: string) =>
        units(id, [...RESERVED, ...SOLD], { generation: product.rounds.length, customer });
      const held = [...customers].map((customer) => (customer === null ? 0 : of(customer)));
      if (limit !== product.limit && limit !== null && Math.max(0, ...held) > limit)
        return 'limit_below_held';
      product.rounds[product.rounds.length - 1]! += addUnits;
      Object.assign(product, { limit, closesAt, state: changes.state ?? product.state });
      return 'done';
    },
    close(id: number, now: number): void {
      const product = products.get(id)!;
      product.closesAt = Math.min(product.closesAt ?? now, now);
    },
    decide: (purchases: readonly Purchase[], again: boolean, now: number) =>
      purchases.map((p) => decideOne(p, again, now)),
    conclude({ id, decideBy }: Purchase, now: number): void {
      if (now < decideBy || orders.has(id) || refused.has(id)) return;
      refused.set(id, { code: 'too_old', available: 0 });
    },
    /** What only a process knows is gone with it. */
    reopen: () => refusedKeys.clear(),
    /** The purchase id that a key leads to, and whether the request is the same. */
    bind(purchase: Purchase): { id: string; same: boolean } {
      const { scope, value, fingerprint } = purchase.key!;
      const name = `${scope}/${value}`;
      const bound = keys.get(name) ?? { fingerprint, id: purchase.id };
      keys.set(name, bound);
      return { id: bound.id, same: bound.fingerprint === fingerprint };
    },
    reset: (productId: number, unitsOfIt: number) => void products.get(productId)!.rounds.push(unitsOfIt),
    lease(ids: readonly string[], leaseMs: number, now: number): string[] {
      return ids.flatMap((id) => {
        const order = orders.get(id);
        if (!order) return [];
        const fresh = order.status === 'reserved' && now < order.expiresAt;
        const takenOver = order.status === 'charging' && order.leaseUntil <= now;
        if (!fresh && !takenOver) return [];
        if (fresh) {
          Object.assign(order, { status: 'charging', attempts: order.attempts + 1, leases: 1 });
          order.payments.push({ status: 'pending', dueAt: 0, tries: 0 });
        } else order.leases++;
        order.leaseUntil = now + leaseMs;
        return [`${id} ${order.attempts} ${order.leases} ${now < order.expiresAt}`];
      });
    },
    settle(results: readonly ChargeResult[], now: number): void {
      const late: LateCapture[] = [];
      for (const { orderId, attempt, leases, result } of results) {
        const order = orders.get(orderId);
        if (order?.status !== 'charging' || order.attempts !== attempt) {
          if (result.type === 'captured') late.push({ orderId, attempt, providerId: result.providerId });
          continue;
        }
        if (result.type === 'attempt_failed' && order.leases !== leases) continue;
        const payment = order.payments.at(-1)!;
        if (result.type === 'captured') {
          order.status = 'paid';
          payment.status = 'captured';
        } else if (result.type === 'declined') {
          order.status = payment.status = 'declined';
        } else if (result.type === 'give_up') {
          order.status = 'expired';
          payment.status = 'cancelled';
        } else {
          order.status = now < order.expiresAt ? 'reserved' : 'expired';
          payment.status = 'failed';
        }
      }
      captureLate(late, now);
    },
    captureLate,
    cancel(id: string, customer: string | null | undefined): string {
      const order = orders.get(id);
      if (!order || (customer !== undefined && customer !== order.purchase.customer)) return 'unknown_order';
      if (order.status !== 'reserved' && order.status !== 'cancelled') return 'refused';
      order.status = 'cancelled';
      return 'done';
    },
    refund(id: string, now: number): string {
      const order = orders.get(id);
      if (!order) return 'unknown_order';
      if (order.status === 'refunding' || order.status === 'refunded') return 'done';
      if (order.status !== 'paid') return 'refused';
      order.status = 'refunding';
      const capture = order.payments.find(({ status }) => status === 'captured')!;
      Object.assign(capture, { status: 'refunding', dueAt: now });
      return 'done';
    },
    leaseRefunds(limit: number, againAfterMs: number, now: number): string[] {
      const due = [...orders].flatMap(([id, { payments }]) =>
        payments.flatMap((payment, i) =>
          payment.status === 'refunding' && payment.dueAt <= now ? [{ id, attempt: i + 1, payment }] : [],
        ),
      );
      due.sort(
        (a, b) =>
          Number(a.payment.tries > 0) - Number(b.payment.tries > 0) ||
          a.payment.dueAt - b.payment.dueAt ||
          (a.id < b.id ? -1 : 1) ||
          a.attempt - b.attempt,
      );
      return due.slice(0, limit).map(({ id, attempt, payment }) => {
        payment.dueAt = now + againAfterMs;
        return `${id} ${attempt} ${++payment.tries}`;
      });
    },
    settleRefunds(refunds: readonly ChargeName[]): void {
      for (const { orderId, attempt } of refunds) {
        const order = orders.get(orderId);
        const payment = order?.payments[attempt - 1];
        if (payment?.status !== 'refunding') continue;
        payment.status = 'refunded';
        const isLast = order!.payments.every(({ status }) => status !== 'refunding');
        if (isLast && ['refunding', 'returning'].includes(order!.status)) order!.status = 'refunded';
      }
    },
    /** Minor units on their way back, at this price. */
    onItsWayBack(priceMinor: number): number {
      const of = ({ purchase, payments }: ModelOrder) =>
        payments.filter(({ status }) => status === 'refunding').length * purchase.quantity * priceMinor;
      return [...orders.values()].reduce((sum, order) => sum + of(order), 0);
    },
    /** Ids of those that may be expired now. */
    overdue: (now: number) =>
      [...orders].filter(([, o]) => o.status === 'reserved' && o.expiresAt <= now).map(([id]) => id),
    product(id: number): Pick<Product, 'total' | 'reserved' | 'sold' | 'generation'> {
      const [reserved, sold] = [units(id, RESERVED), units(id, SOLD)];
      const generation = products.get(id)!.rounds.length;
      return { total: available(id) + reserved + sold, reserved, sold, generation };
    },
    productIds: () => [...products.keys()],
  };
}

function repeated(order: ModelOrder): string {
  return `again ${inWords(order)}`;
}

function inWords({ purchase, remaining }: ModelOrder): string {
  return `${purchase.id}, ${remaining} left`;
}

/** A real outcome in the words of the model. */
export function outcomeInWords(outcome: Outcome): string {
  if (outcome.kind === 'mismatch' || outcome.kind === 'superseded') return outcome.kind;
  if (outcome.kind === 'refused') return `${outcome.code} ${outcome.available}`;
  const { id, remaining } = outcome.order;
  return `${outcome.repeated ? 'again' : 'reserved'} ${id}, ${remaining} left`;
}
