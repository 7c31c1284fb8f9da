import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { openSqliteBooks } from '../../src/adapters/sqlite/ledger/books.ts';
import { openSqliteLedger } from '../../src/adapters/sqlite/ledger.ts';
import { openStore } from '../../src/adapters/sqlite/store.ts';
import { audit } from '../../src/app/ops/audit.ts';
import type { AuditEntry } from '../../src/domain/audit-entry.ts';
import { createPurchaseIds, PURCHASE_ID_KEY_BYTES } from '../../src/domain/ids.ts';
import type { Purchase } from '../../src/domain/purchase.ts';
import type { ChargeResult } from '../../src/ports/payments.ts';
import { seedOf } from '../support/seed.ts';
import { createLedgerModel, type ModelChanges, outcomeInWords } from './ledger-model.ts';

const HISTORIES = 200;
const seed = seedOf(import.meta.path);
const HOLD_MS = 1_000;
const PRICE_MINOR = 7;
const START_MS = Date.UTC(2027, 0, 1);
/** Product 9 is never put on sale. */
const PRODUCTS = [1, 2, 9];

const request = fc.record({
  productId: fc.constantFrom(...PRODUCTS),
  quantity: fc.integer({ min: 1, max: 4 }),
  customer: fc.constantFrom(null, 'ann', 'bob'),
  channel: fc.constantFrom('sync' as const, 'async' as const),
  key: fc.option(fc.constantFrom('k1', 'k2', 'k3'), { freq: 2 }),
  refusal: fc.constantFrom(null, null, null, 'sale_closed' as const, 'too_old' as const),
  decideWithinMs: fc.constantFrom(50, 600, 60_000),
  /** Ask again for an earlier purchase instead. */
  repeat: fc.option(fc.nat(30), { freq: 3 }),
});
const picks = fc.array(fc.nat(30), { minLength: 1, maxLength: 4 });

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('decide' as const),
      requests: fc.array(request, { maxLength: 6 }),
      again: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('reset' as const),
      productId: fc.constantFrom(1, 2),
      units: fc.nat(6),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('change' as const),
      productId: fc.constantFrom(1, 2),
      addUnits: fc.option(fc.integer({ min: -3, max: 4 })),
      limit: fc.constantFrom(undefined, undefined, null, null, 1, 2, 4),
      /** Closes so much later. */
      closesIn: fc.constantFrom(undefined, undefined, null, null, -5, 60, 5_000),
      state: fc.constantFrom(undefined, 'open' as const, 'open' as const, 'paused' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('close' as const), productId: fc.constantFrom(1, 2) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('lease' as const), picks, leaseMs: fc.constantFrom(50, 5_000) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('settle' as const),
      picks,
      type: fc.constantFrom(
        'captured' as const,
        'declined' as const,
        'attempt_failed' as const,
        'give_up' as const,
      ),
      /** From this many leases or attempts ago. */
      staleBy: fc.constantFrom(0, 0, 0, 1),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('cancel' as const),
      pick: fc.nat(30),
      /** `own`: whoever bought it. `operator`: one operation per order, so that some are asked for twice. */
      by: fc.constantFrom('own' as const, 'own' as const, 'bob' as const, 'operator' as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('capture late' as const),
      picks,
      /** An attempt this many before the last. */
      before: fc.constantFrom(0, 0, 0, 1),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('refund' as const), pick: fc.nat(30) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('settle refunds' as const),
      limit: fc.integer({ min: 1, max: 4 }),
      againAfterMs: fc.constantFrom(0, 50),
      /** Tells of refunds that nobody leased, too. */
      picks,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('expire' as const), limit: fc.integer({ min: 1, max: 3 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(1, 60, 500, 1_000) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('conclude' as const), pick: fc.nat(30) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

test('whatever happens to a ledger, it answers like the model and its books balance', async () => {
  let histories = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40, size: 'max' }), async (steps) => {
      histories++;
      await live(steps);
    }),
    { seed, numRuns: HISTORIES },
  );
  expect(histories).toBe(HISTORIES);
}, 600_000);

/** The same one for the same order. */
function entryOn(action: AuditEntry['action'], orderId: string): AuditEntry {
  return {
    id: `${action} ${orderId}`,
    actor: 'grace',
    action,
    subject: `order/${orderId}`,
    reason: null,
    details: {},
  };
}

/** Lives one history, and compares after each step. */
async function live(steps: readonly Step[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'pulsecart-simulation-'));
  let now = START_MS;
  const clock = () => now;
  const ids = createPurchaseIds(new Uint8Array(PURCHASE_ID_KEY_BYTES), clock);
  let store = openStore(folder);
  let ledger = openSqliteLedger(store, clock);
  const model = createLedgerModel(HOLD_MS);
  const asked: Purchase[] = [];
  const bought: string[] = [];

  for (const [id, units, limit] of [
    [1, 8, 3],
    [2, 5, null],
  ] as const) {
    const product = {
      id,
      name: 'A thing',
      priceMinor: PRICE_MINOR,
      currency: 'USD',
      units,
      perCustomerLimit: limit,
    };
    await ledger.addProducts([{ ...product, holdSeconds: HOLD_MS / 1_000 }]);
    model.addProduct(id, units, limit);
  }
  const pick = <T>(from: readonly T[], index: number): T | undefined => from[index % from.length];
  const pickOrders = (indexes: readonly number[]) => indexes.flatMap((i) => pick(bought, i) ?? []);

  /** The purchases of a step. Queued ones with a key are bound first, as they are when they are accepted. */
  async function purchasesOf(requests: Extract<Step, { do: 'decide' }>['requests']): Promise<Purchase[]> {
    const purchases: Purchase[] = [];
    for (const { repeat, key, channel, refusal, decideWithinMs, ...rest } of requests) {
      const earlier = repeat === null ? undefined : pick(asked, repeat);
      if (earlier) {
        purchases.push(earlier);
        continue;
      }
      const fingerprint = `${rest.productId}:${rest.quantity}`;
      const scope = `${channel}:customer:${rest.customer}`;
      let purchase: Purchase = {
        id: ids.mint(),
        ...rest,
        channel,
        key: key === null ? null : { scope, value: key, fingerprint },
        acceptedAt: now,
        decideBy: now + decideWithinMs,
        expectedPriceMinor: null,
        refusal: channel === 'async' ? refusal : null,
      };
      if (channel === 'async' && purchase.key) {
        const binding = { key: purchase.key, purchaseId: purchase.id, acceptedAt: now };
        const [bound] = await ledger.bindKeys([binding]);
        const expected = model.bind(purchase);
        expect([bound!.purchaseId, bound!.key.fingerprint === fingerprint]).toEqual([
          expected.id,
          expected.same,
        ]);
        if (!expected.same) continue;
        purchase = { ...purchase, id: expected.id };
      }
      asked.push(purchase);
      purchases.push(purchase);
    }
    return purchases;
  }

  async function take(action: Step): Promise<void> {
    switch (action.do) {
      case 'decide': {
        const purchases = await purchasesOf(action.requests);
        const { outcomes } = await ledger.decide(purchases, action.again);
        expect(outcomes.map(outcomeInWords)).toEqual(model.decide(purchases, action.again, now));
        for (const o of outcomes) if (o.kind === 'reserved' && !o.repeated) bought.push(o.order.id);
        return;
      }
      case 'reset':
        await ledger.reset(action.productId, action.units);
        return model.reset(action.productId, action.units);
      case 'change': {
        const { productId, addUnits, limit, closesIn, state } = action;
        const changes: ModelChanges = {
          ...(addUnits !== null && { addUnits }),
          ...(limit !== undefined && { perCustomerLimit: limit }),
          ...(closesIn !== undefined && { closesAt: closesIn === null ? null : now + closesIn }),
          ...(state && { state }),
        };
        const operation = { ...entryOn('product.change', ids.mint()), subject: `product/${productId}` };
        const step = await ledger.changeProduct(productId, changes, operation, null);
        expect(step.kind === 'done' ? 'done' : step.code).toBe(model.change(productId, changes, now));
        return;
      }
      case 'close':
        await ledger.closeSale(action.productId, entryOn('sale.drain', ids.mint()));
        return model.close(action.productId, now);
      case 'lease': {
        const orderIds = pickOrders(action.picks);
        const leased = await ledger.lease(orderIds, action.leaseMs);
        const words = leased.map((l) => `${l.order.id} ${l.attempt} ${l.leases} ${l.holdRuns}`);
        expect(words).toEqual(model.lease(orderIds, action.leaseMs, now));
        return;
      }
      case 'settle': {
        const result: ChargeResult['result'] =
          action.type === 'captured'
            ? { type: 'captured', providerId: 'p' }
            : { type: action.type, reason: 'r' };
        const results = pickOrders(action.picks).map((orderId, i): ChargeResult => {
          const { attempts, leases } = model.orders.get(orderId)!;
          const stale =
            i % 2 === 0
              ? { attempts, leases: leases - action.staleBy }
              : { attempts: attempts - action.staleBy, leases };
          return { orderId, attempt: stale.attempts, leases: stale.leases, result };
        });
        await ledger.settle(results);
        return model.settle(results, now);
      }
      case 'cancel': {
        const orderId = pick(bought, action.pick) ?? ids.mint();
        const own = model.orders.get(orderId)?.purchase.customer;
        const operator = action.by === 'operator';
        const customer = operator ? undefined : action.by === 'own' ? own : action.by;
        const operation = operator ? entryOn('order.cancel', orderId) : undefined;
        const { kind } = await ledger.cancel(orderId, {
          ...(customer === undefined ? {} : { customer }),
          ...(operation ? { operation } : {}),
        });
        expect(kind).toBe(model.cancel(orderId, customer) as typeof kind);
        return;
      }
      case 'refund': {
        const orderId = pick(bought, action.pick) ?? ids.mint();
        const { kind } = await ledger.refund(orderId, entryOn('order.refund', orderId));
        expect(kind).toBe(model.refund(orderId, now) as typeof kind);
        return;
      }
      case 'capture late': {
        const captures = pickOrders(action.picks).map((orderId) => {
          const attempt = model.orders.get(orderId)!.attempts - action.before;
          return { orderId, attempt, providerId: `${orderId}:${attempt}` };
        });
        await ledger.captureLate(captures);
        return model.captureLate(captures, now);
      }
      case 'settle refunds': {
        const { limit, againAfterMs, picks } = action;
        const leased = await ledger.leaseRefunds(limit, againAfterMs);
        const words = leased.map(({ orderId, attempt, tries }) => `${orderId} ${attempt} ${tries}`);
        expect(words).toEqual(model.leaseRefunds(limit, againAfterMs, now));
        const others = pickOrders(picks).map((orderId) => ({ orderId, attempt: 1 }));
        const settled = [...leased.slice(1), ...others];
        await ledger.settleRefunds(settled);
        return model.settleRefunds(settled);
      }
      case 'expire': {
        const due = model.overdue(now);
        const { orders } = await ledger.expireOverdue(action.limit);
        expect(orders.length).toBe(Math.min(due.length, action.limit));
        // Which of those that ended in the same moment went first is the ledger's choice.
        for (const [id, found] of await ledger.find(due)) {
          if (found.kind === 'order') model.orders.get(id)!.status = found.order.status;
        }
        expect(model.overdue(now)).toHaveLength(due.length - orders.length);
        return;
      }
      case 'pass':
        now += action.ms;
        return;
      case 'reopen':
        store.close();
        store = openStore(folder);
        ledger = openSqliteLedger(store, clock);
        return model.reopen();
      case 'conclude': {
        const purchase = pick(asked, action.pick);
        if (!purchase) return;
        await ledger.conclude(purchase);
        return model.conclude(purchase, now);
      }
    }
  }

  async function compare(): Promise<void> {
    for (const id of model.productIds()) expect(await ledger.product(id)).toMatchObject(model.product(id));
    const { amounts } = await ledger.refundsDue();
    expect(amounts[0]?.amountMinor ?? 0).toBe(model.onItsWayBack(PRICE_MINOR));
    const verdicts = audit(await openSqliteBooks(store, clock).read());
    // Nobody sweeps here unless the history says so.
    expect(verdicts.filter(({ name, pass }) => !pass && name !== 'no hold is overdue')).toEqual([]);
  }

  try {
    for (const action of steps) {
      await take(action);
      await compare();
    }
    for (const [id, { status, attempts, number, generation, payments }] of model.orders) {
      const view = (await ledger.order(id))!;
      expect(view.order).toMatchObject({ status, attempts, number, generation });
      expect(view.payments.map((payment) => payment.status)).toEqual(
        payments.map((payment) => payment.status),
      );
    }
    const found = await ledger.find([...model.refused.keys()]);
    for (const [id, told] of model.refused) expect(found.get(id)).toMatchObject({ kind: 'refused', ...told });
  } finally {
    store.close();
    rmSync(folder, { recursive: true });
  }
}
