import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import {
  openPurchaseFixture,
  PRODUCT_ID,
  type PurchaseFixture,
} from '../../../tests/support/purchase-fixture.ts';
import type { AuditEntry } from '../../domain/audit-entry.ts';
import { AppError } from '../../domain/errors.ts';
import type { PurchaseBatcher } from '../purchase/batcher.ts';
import { FRESH_MS } from '../purchase/stock-cache.ts';
import { createSales, type Sales } from './sales.ts';

let fixture: PurchaseFixture;
let batcher: PurchaseBatcher;
let sales: Sales;
beforeEach(async () => {
  fixture = await openPurchaseFixture({ units: 2 });
  batcher = fixture.batcher();
  sales = createSales(fixture);
});
afterEach(async () => {
  expect(await fixture.breaches()).toEqual([]);
  await fixture.close();
});

const cut = () => new AppError('outcome_unknown', 'cut during the commit');
const away = () => new AppError('unavailable', 'nobody there');
const operation = (): AuditEntry => ({
  id: Bun.randomUUIDv7(),
  actor: 'grace',
  action: 'units.add',
  subject: `product/${PRODUCT_ID}`,
  reason: null,
  details: {},
});
const add = (addUnits: number) => sales.change(PRODUCT_ID, { addUnits }, operation(), null);
const total = async () => (await fixture.real.product(PRODUCT_ID))!.total;

describe('a change', () => {
  for (const committed of [true, false]) {
    const when = committed ? 'after it was made' : 'before it was made';
    test(`whose commit was cut off ${when} is made once, and its answer is known`, async () => {
      let cuts = 0;
      fixture.underneath.changeProduct = async (...asked) => {
        if (cuts++ >= 2) return fixture.real.changeProduct(...asked);
        if (committed) await fixture.real.changeProduct(...asked);
        throw cut();
      };
      expect(await add(3)).toMatchObject({ kind: 'done', product: { total: 5 } });
      expect(await total()).toBe(5);
      expect(await fixture.real.auditLog(10, null)).toHaveLength(1);
    });
  }

  test('of which nobody knows is not called undone when the ledger goes away', async () => {
    let tries = 0;
    fixture.underneath.changeProduct = async () => {
      throw tries++ === 0 ? cut() : away();
    };
    expect(await add(3).catch(({ code }) => code)).toBe('outcome_unknown');
    expect(tries).toBeGreaterThan(1);
  });

  test('that surely was not made is said to be so at once', async () => {
    let tries = 0;
    fixture.underneath.changeProduct = async () => {
      tries++;
      throw away();
    };
    expect(await add(3).catch(({ code }) => code)).toBe('unavailable');
    expect(tries).toBe(1);
  });
});

describe('buyers', () => {
  const buy = async (quantity: number) => {
    const outcome = await batcher.buy(fixture.purchase({ quantity }));
    return outcome.kind === 'refused' ? outcome.code : outcome.kind;
  };

  test('who were told sold out get the units that are added', async () => {
    expect([await buy(2), await buy(1)]).toEqual(['reserved', 'sold_out']);
    await add(1);
    expect(await buy(1)).toBe('reserved');
  });

  test('of a sale that was paused elsewhere are not told sold out by the gate, once memory is old', async () => {
    expect([await buy(1), await buy(2)]).toEqual(['reserved', 'sold_out']);
    const refusedBefore = batcher.stats.refusedByGate;
    await fixture.real.changeProduct(PRODUCT_ID, { state: 'paused' }, operation(), null);
    fixture.passTime(FRESH_MS);
    expect(await buy(2)).toBe('sale_paused');
    expect(batcher.stats.refusedByGate).toBe(refusedBefore);
  });

  test('of a sale that has gone on elsewhere are not refused by an old memory', async () => {
    await sales.change(PRODUCT_ID, { state: 'paused' }, operation(), null);
    expect(await buy(1)).toBe('sale_paused');
    await fixture.real.changeProduct(PRODUCT_ID, { state: 'open' }, operation(), null);
    expect(await buy(1)).toBe('reserved');
  });
});

test('init makes the gate forget claims that nobody will ever make, and is written down', async () => {
  await batcher.buy(fixture.purchase());
  await fixture.gate.claim(PRODUCT_ID, [1], null);
  const done = operation();
  await sales.init(PRODUCT_ID, { ...done, action: 'stock.init' });
  const { claims } = (await fixture.gate.claim(PRODUCT_ID, [1], null)) as { claims: string[] };
  expect(claims).toEqual(['claimed']);
  expect(await fixture.real.auditLog(1, null)).toMatchObject([{ id: done.id, action: 'stock.init' }]);
});
