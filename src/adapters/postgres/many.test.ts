import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { onDistributedBackends, ownDatabase } from '../../../tests/support/backends.ts';
import { openLedger, sql } from '../../../tests/support/postgres-ledger.ts';
import { seedOf } from '../../../tests/support/seed.ts';
import { audit } from '../../app/ops/audit.ts';
import type { AuditEntry } from '../../domain/audit-entry.ts';
import { createPurchaseIds, PURCHASE_ID_KEY_BYTES } from '../../domain/ids.ts';
import type { Outcome, Purchase } from '../../domain/purchase.ts';
import { randomFrom } from '../../lib/random.ts';
import type { Ledger } from '../../ports/ledger.ts';
import { openPostgresBooks } from './books.ts';

const INSTANCES = 4;
const seed = seedOf(import.meta.path);
const mint = createPurchaseIds(new Uint8Array(PURCHASE_ID_KEY_BYTES), Date.now).mint;

onDistributedBackends(() => describe('several instances on one database', together));

function together(): void {
  let database: Awaited<ReturnType<typeof ownDatabase>>;
  let ledgers: Ledger[];
  beforeAll(async () => {
    database = await ownDatabase();
    ledgers = [];
    for (let i = 0; i < INSTANCES; i++) ledgers.push((await openLedger(database.url)).ledger);
  });
  afterAll(async () => {
    await Promise.all(ledgers.map((ledger) => ledger.close()));
    await database.close();
  });

  async function sale(
    id: number,
    changes: { units: number; perCustomerLimit?: number; holdSeconds?: number },
  ) {
    await ledgers[0]!.addProducts([{ id, name: `Thing ${id}`, priceMinor: 5, currency: 'EUR', ...changes }]);
  }

  async function failedVerdicts(): Promise<unknown[]> {
    const { read, close } = await openPostgresBooks(database.url);
    const verdicts = audit(await read());
    await close();
    return verdicts.filter(({ pass }) => !pass);
  }

  function request(productId: number, changes: Partial<Purchase> = {}): Purchase {
    const plain = {
      quantity: 1,
      customer: null,
      channel: 'sync' as const,
      key: null,
      acceptedAt: Date.now(),
      decideBy: Number.MAX_SAFE_INTEGER,
      refusal: null,
      expectedPriceMinor: null,
    };
    return { id: mint(), productId, ...plain, ...changes };
  }

  test('sell, charge, expire, cancel, refund and serve operators at once without a deadlock, and their books balance', async () => {
    const random = randomFrom(seed);
    const below = (n: number) => Math.floor(random() * n);
    const products = [101, 102, 103, 104];
    await sale(101, { units: 300 });
    await sale(102, { units: 300, perCustomerLimit: 3 });
    await sale(103, { units: 5_000, perCustomerLimit: 20, holdSeconds: 1 });
    await sale(104, { units: 100_000 });
    const bought: string[] = [];

    const anyWish = () => {
      const channel = random() < 0.3 ? ('async' as const) : ('sync' as const);
      const key = { scope: `${channel}:x`, value: `k${below(40)}`, fingerprint: 'f' };
      return request(products[below(4)]!, {
        quantity: 1 + below(3),
        customer: random() < 0.8 ? `customer-${below(30)}` : null,
        channel,
        acceptedAt: Date.now(),
        key: random() < 0.3 ? key : null,
      });
    };
    async function trade(ledger: Ledger): Promise<void> {
      for (let batch = 0; batch < 25; batch++) {
        const crowd = random() < 0.5;
        const productId = products[below(4)]!;
        const purchases = Array.from({ length: 1 + below(40) }, () =>
          crowd ? request(productId, { customer: `customer-${below(200)}` }) : anyWish(),
        );
        const { outcomes } = await ledger.decide(purchases);
        for (const o of outcomes) if (o.kind === 'reserved' && !o.repeated) bought.push(o.order.id);
      }
    }
    async function charge(ledger: Ledger): Promise<void> {
      for (let batch = 0; batch < 25; batch++) {
        // Others may try for the same ones: only one gets each.
        const ids = Array.from({ length: 30 }, () => bought[below(bought.length)] ?? mint());
        const leased = await ledger.lease(ids, 10_000);
        const types = ['captured', 'captured', 'declined', 'attempt_failed', 'give_up'] as const;
        await ledger.settle(
          leased.map(({ order, attempt, leases }) => {
            const type = types[below(types.length)]!;
            const result = type === 'captured' ? { type, providerId: 'p' } : { type, reason: 'r' };
            return { orderId: order.id, attempt, leases, result };
          }),
        );
        await ledger.expireOverdue(20);
      }
    }
    async function end(ledger: Ledger): Promise<void> {
      for (let batch = 0; batch < 25; batch++) {
        const ids = Array.from({ length: 20 }, () => bought[below(bought.length)] ?? mint());
        await ledger.captureLate(
          ids.map((orderId) => ({ orderId, attempt: 1 + below(2), providerId: 'late' })),
        );
        for (const id of ids.slice(0, 3)) await ledger.cancel(id, {});
        for (const id of ids.slice(3, 6)) await ledger.refund(id, refundOf(id));
        await ledger.settleRefunds(await ledger.leaseRefunds(20, below(2) * 60_000));
      }
    }
    async function operate(ledger: Ledger): Promise<void> {
      for (let step = 0; step < 25; step++) {
        const productId = products[below(4)]!;
        const operation = { ...refundOf(mint()), action: 'product.change' as const };
        const changes = [
          { addUnits: below(21) - 10 },
          { perCustomerLimit: null },
          { perCustomerLimit: 20 + below(10) },
          { state: below(4) === 0 ? ('paused' as const) : ('open' as const) },
        ];
        await ledger.changeProduct(productId, changes[below(changes.length)]!, operation, null);
        if (step % 5 === 0) await ledger.reset(productId, 200, { ...operation, id: mint() });
        if (step % 5 === 1) {
          const request = { name: 'One more', priceMinor: 5, currency: 'EUR', units: 10 };
          await ledger.createProduct(request, { ...operation, id: mint() });
          await ledger.addProducts([{ ...request, id: 1 + below(30) }]);
        }
        const now = Date.now();
        await ledger.prune({ outcomes: now, keys: 0, auditEntries: 0 }, 50);
      }
    }
    await Promise.all([
      ...ledgers.map(trade),
      ...ledgers.map(charge),
      ...ledgers.map(end),
      ...ledgers.map(operate),
      ...ledgers.map(trade),
    ]);

    for (const ledger of ledgers) await ledger.expireOverdue(10_000);
    expect(bought.length).toBeGreaterThan(500);
    expect(
      (await failedVerdicts()).filter((verdict) => !JSON.stringify(verdict).includes('overdue')),
    ).toEqual([]);
    expect(await deadlocks()).toBe(0);
  });

  async function deadlocks(): Promise<number> {
    const [row] = await sql<{ count: number }>(
      database.url,
      'SELECT deadlocks::integer AS count FROM pg_stat_database WHERE datname = current_database()',
    );
    return row!.count;
  }

  test('bind a key once, although it is used for two products at the same moment', async () => {
    await sale(201, { units: 1_000 });
    await sale(202, { units: 1_000 });
    for (let round = 0; round < 20; round++) {
      const key = { scope: 'sync:ann', value: `both-${round}`, fingerprint: 'f' };
      const answers = await Promise.all(
        ledgers.map((ledger, i) => ledger.decide([request(201 + (i % 2), { key, customer: 'ann' })])),
      );
      const orders = answers.map(({ outcomes: [outcome] }) => orderIdIn(outcome));
      expect(new Set(orders).size).toBe(1);
    }
    expect(await failedVerdicts()).toEqual([]);
  });

  test('record the outcome of a purchase once that two of them decide', async () => {
    const before = (await ledgers[0]!.asyncCounts()).decided;
    for (let round = 0; round < 20; round++) {
      // Nothing is locked for a product that does not exist.
      const lost = request(9_999, { channel: 'async', acceptedAt: Date.now() });
      const answers = await Promise.all(ledgers.map((ledger) => ledger.decide([lost])));
      expect(answers.map(({ outcomes }) => outcomes[0])).toEqual(
        Array(INSTANCES).fill({ kind: 'refused', code: 'unknown_product', available: 0 }),
      );
    }
    expect((await ledgers[0]!.asyncCounts()).decided - before).toBe(20);
    expect(await failedVerdicts()).toEqual([]);
  });

  test('expire a hold once, although all of them sweep', async () => {
    await Bun.sleep(1_001);
    await ledgers[0]!.expireOverdue(10_000); // what the tests before left
    await sale(301, { units: 1_000, holdSeconds: 1 });
    await sale(302, { units: 1_000, holdSeconds: 1 });
    for (const ledger of ledgers) {
      await ledger.decide(Array.from({ length: 50 }, (_, i) => request(301 + (i % 2))));
    }
    await Bun.sleep(1_001);
    const sweep = async (ledger: Ledger) => {
      const counts = [];
      for (let i = 0; i < 15; i++) counts.push((await ledger.expireOverdue(30)).orders.length);
      return counts;
    };
    const counts = (await Promise.all(ledgers.map(sweep))).flat();
    const expired = counts.reduce((sum, count) => sum + count, 0);
    expect(expired).toBe(50 * INSTANCES);
    expect(await failedVerdicts()).toEqual([]);
  });
}

function refundOf(orderId: string): AuditEntry {
  const why = { reason: null, details: {} };
  return {
    id: Bun.randomUUIDv7(),
    actor: 'ann',
    action: 'order.refund',
    subject: `order/${orderId}`,
    ...why,
  };
}

function orderIdIn(outcome: Outcome | undefined): string {
  if (outcome?.kind !== 'reserved') throw new Error(`no order but ${JSON.stringify(outcome)}`);
  return outcome.order.id;
}
