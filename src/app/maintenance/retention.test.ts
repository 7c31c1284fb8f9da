import { afterEach, beforeEach, expect, test } from 'bun:test';
import { openPurchaseHouse, type PurchaseHouse } from '../../../tests/support/purchase-house.ts';
import { until } from '../../../tests/support/until.ts';
import { AppError } from '../../domain/errors.ts';
import { createDeadLetters } from '../ops/dead-letters.ts';
import { encodePurchases } from '../purchase/message.ts';
import { createRetention, type Retention } from './retention.ts';

const HOUR_MS = 3_600_000;
const KEEP = {
  outcomesMs: 48 * HOUR_MS,
  keysMs: 24 * HOUR_MS,
  operationsMs: 96 * HOUR_MS,
  deadLettersMs: 72 * HOUR_MS,
};
/** What is deleted is a little older than what reads as forgotten. */
const GRACE_MS = 60_000;

let house: PurchaseHouse;
let retention: Retention;
let isMine: boolean;
const troubles: string[] = [];

beforeEach(async () => {
  house = await openPurchaseHouse({ units: 1 });
  isMine = true;
  const { ledger, queue, ids, clock } = house;
  const options = { ledger, queue, ids, clock, purchaseTtlMs: HOUR_MS, onDecided: () => {} };
  retention = createRetention({
    ledger,
    queue,
    deadLetters: createDeadLetters(options),
    clock,
    keep: KEEP,
    mine: async () => isMine,
    onTrouble: (_, context) => troubles.push(context),
    everyMs: 1,
  });
});
afterEach(async () => {
  await retention.close();
  await house.real.expireOverdue(10);
  expect(await house.breaches()).toEqual([]);
  await house.close();
  troubles.length = 0;
});

function rows(table: string): number {
  return house.store.db.query<{ count: number }, []>(`SELECT count(*) AS count FROM ${table}`).get()!.count;
}

test('everything is forgotten after its own time, orders never, and the books balance', async () => {
  const key = { scope: 'async:customer:ann', value: 'k', fingerprint: '1:1' };
  const bought = house.queued({ key });
  await house.real.bindKeys([{ key, purchaseId: bought.id, acceptedAt: house.clock() }]);
  await house.real.decide([bought, house.queued(), house.queued()]);
  await house.real.log({
    id: Bun.randomUUIDv7('hex', house.clock()),
    actor: 'grace',
    action: 'audit.run',
    subject: 'the books',
    reason: null,
    details: {},
  });
  const kept = () => ['keys', 'outcomes', 'operations', 'orders'].map(rows);
  retention.start();
  expect(kept()).toEqual([1, 2, 1, 1]);
  house.passTime(KEEP.keysMs + GRACE_MS + 1);
  await until(() => rows('keys') === 0);
  expect(kept()).toEqual([0, 2, 1, 1]);
  house.passTime(KEEP.outcomesMs - KEEP.keysMs);
  await until(() => rows('outcomes') === 0);
  expect(kept()).toEqual([0, 0, 1, 1]);
  house.passTime(KEEP.operationsMs - KEEP.outcomesMs);
  await until(() => rows('operations') === 0);
  expect(kept()).toEqual([0, 0, 0, 1]);
  expect(retention.stats).toEqual({ outcomes: 2, keys: 1, operations: 1, deadLetters: 0, failures: 0 });
  expect(await house.real.asyncCounts()).toMatchObject({ decided: 3 });
});

test('many old rows are deleted in small steps, between which others write', async () => {
  const refused = Array.from({ length: 700 }, () => house.queued({ quantity: 2 }));
  await house.real.decide(refused);
  house.passTime(KEEP.outcomesMs + GRACE_MS + 1_000);
  const steps: number[] = [];
  const { prune } = house.ledger;
  house.ledger.prune = async (before, limit) => {
    const pruned = await prune(before, limit);
    steps.push(pruned.outcomes);
    return pruned;
  };
  retention.start();
  await until(() => rows('outcomes') === 0);
  expect(steps.slice(0, 4)).toEqual([200, 200, 200, 100]);
});

test('an old dead letter is discarded by the house, which writes it down, and its purchase ends', async () => {
  const old = house.queued();
  await house.real.markNeedsAttention([old.id], true);
  await house.realQueue.deadLetter('purchases', encodePurchases([old]), 'bad');
  house.passTime(KEEP.deadLettersMs - HOUR_MS);
  const young = house.queued();
  await house.real.markNeedsAttention([young.id], true);
  await house.realQueue.deadLetter('purchases', encodePurchases([young]), 'bad');
  house.passTime(HOUR_MS + 1);
  retention.start();
  await until(() => retention.stats.deadLetters === 1);
  const found = await house.real.find([young.id]);
  expect(found.get(young.id)).toEqual({ kind: 'needs_attention' });
  expect(await house.realQueue.deadLetters('purchases', 10)).toHaveLength(1);
  expect(await house.real.operations(10, null)).toMatchObject([
    {
      actor: 'system',
      action: 'dead-letters.discard',
      reason: 'older than 72 hours',
      details: { letters: 1, items: 1 },
    },
  ]);
});

test('who does not have the duty forgets nothing', async () => {
  await house.real.decide([house.queued({ quantity: 2 })]);
  house.passTime(KEEP.outcomesMs + GRACE_MS + 1);
  isMine = false;
  let asked = 0;
  const { status } = house.queue;
  house.queue.status = () => {
    asked++;
    return status();
  };
  retention.start();
  await until(() => asked > 3);
  expect(rows('outcomes')).toBe(1);
  isMine = true;
  await until(() => rows('outcomes') === 0);
});

test('a ledger in trouble is reported, and asked again', async () => {
  const { prune } = house.ledger;
  house.ledger.prune = async () => {
    throw new AppError('unavailable', 'for the test');
  };
  await house.real.decide([house.queued({ quantity: 2 })]);
  house.passTime(KEEP.outcomesMs + GRACE_MS + 1);
  retention.start();
  await until(() => troubles.length > 2);
  expect(new Set(troubles)).toEqual(new Set(['forgetting what is old']));
  expect(retention.stats.failures).toBeGreaterThan(2);
  house.ledger.prune = prune;
  await until(() => rows('outcomes') === 0);
});
