import { afterEach, beforeEach, expect, test } from 'bun:test';
import { keptLog } from '../../../tests/support/kept-log.ts';
import { openPurchaseFixture, type PurchaseFixture } from '../../../tests/support/purchase-fixture.ts';
import { until } from '../../../tests/support/until.ts';
import { AppError } from '../../domain/errors.ts';
import { encodePurchases } from '../../ports/purchase-message.ts';
import { createDeadLetters } from '../ops/dead-letters.ts';
import { createRetention, type Retention } from './retention.ts';

const HOUR_MS = 3_600_000;
const KEEP = {
  outcomesMs: 48 * HOUR_MS,
  keysMs: 24 * HOUR_MS,
  auditLogMs: 96 * HOUR_MS,
  deadLettersMs: 72 * HOUR_MS,
};
/** What is deleted is a little older than what reads as forgotten. */
const GRACE_MS = 60_000;

let fixture: PurchaseFixture;
let retention: Retention;
let leads: boolean;
const troubles: string[] = [];

beforeEach(async () => {
  fixture = await openPurchaseFixture({ units: 1 });
  leads = true;
  const { ledger, queue, ids, clock } = fixture;
  const options = { ledger, queue, ids, clock, purchaseTtlMs: HOUR_MS };
  retention = createRetention({
    ledger,
    queue,
    deadLetters: createDeadLetters(options),
    clock,
    keep: KEEP,
    isLeader: async () => leads,
    log: keptLog(troubles),
    everyMs: 1,
  });
});
afterEach(async () => {
  await retention.close();
  await fixture.real.expireOverdue(10);
  expect(await fixture.breaches()).toEqual([]);
  await fixture.close();
  troubles.length = 0;
});

function rows(table: string): number {
  return fixture.store.db.query<{ count: number }, []>(`SELECT count(*) AS count FROM ${table}`).get()!.count;
}

test('everything is forgotten after its own time, orders never, and the books balance', async () => {
  const key = { scope: 'async:customer:ann', value: 'k', fingerprint: '1:1' };
  const bought = fixture.queued({ key });
  await fixture.real.bindKeys([{ key, purchaseId: bought.id, acceptedAt: fixture.clock() }]);
  await fixture.real.decide([bought, fixture.queued(), fixture.queued()]);
  await fixture.real.log({
    id: Bun.randomUUIDv7('hex', fixture.clock()),
    actor: 'grace',
    action: 'audit.run',
    subject: 'the books',
    reason: null,
    details: {},
  });
  const kept = () => ['keys', 'outcomes', 'audit_log', 'orders'].map(rows);
  retention.start();
  expect(kept()).toEqual([1, 2, 1, 1]);
  fixture.passTime(KEEP.keysMs + GRACE_MS + 1);
  await until(() => rows('keys') === 0);
  expect(kept()).toEqual([0, 2, 1, 1]);
  fixture.passTime(KEEP.outcomesMs - KEEP.keysMs);
  await until(() => rows('outcomes') === 0);
  expect(kept()).toEqual([0, 0, 1, 1]);
  fixture.passTime(KEEP.auditLogMs - KEEP.outcomesMs);
  await until(() => rows('audit_log') === 0);
  expect(kept()).toEqual([0, 0, 0, 1]);
  expect(retention.stats).toEqual({ outcomes: 2, keys: 1, auditEntries: 1, deadLetters: 0, failures: 0 });
  expect(await fixture.real.asyncCounts()).toMatchObject({ decided: 3 });
});

test('many old rows are deleted in small steps, between which others write', async () => {
  const refused = Array.from({ length: 700 }, () => fixture.queued({ quantity: 2 }));
  await fixture.real.decide(refused);
  fixture.passTime(KEEP.outcomesMs + GRACE_MS + 1_000);
  const steps: number[] = [];
  const { prune } = fixture.ledger;
  fixture.ledger.prune = async (before, limit) => {
    const pruned = await prune(before, limit);
    steps.push(pruned.outcomes);
    return pruned;
  };
  retention.start();
  await until(() => rows('outcomes') === 0);
  expect(steps.slice(0, 4)).toEqual([200, 200, 200, 100]);
});

test('an old dead letter is discarded by the fixture, which writes it down, and its purchase ends', async () => {
  const old = fixture.queued();
  await fixture.real.markNeedsAttention([old.id], true);
  await fixture.realQueue.deadLetter('purchases', encodePurchases([old]), 'bad');
  fixture.passTime(KEEP.deadLettersMs - HOUR_MS);
  const young = fixture.queued();
  await fixture.real.markNeedsAttention([young.id], true);
  await fixture.realQueue.deadLetter('purchases', encodePurchases([young]), 'bad');
  fixture.passTime(HOUR_MS + 1);
  retention.start();
  await until(() => retention.stats.deadLetters === 1);
  const found = await fixture.real.find([young.id]);
  expect(found.get(young.id)).toEqual({ kind: 'needs_attention' });
  expect(await fixture.realQueue.deadLetters('purchases', 10)).toHaveLength(1);
  expect(await fixture.real.auditLog(10, null)).toMatchObject([
    {
      actor: 'system',
      action: 'dead-letters.discard',
      reason: 'older than 72 hours',
      details: { letters: 1, items: 1 },
    },
  ]);
});

test('a process that does not lead forgets nothing', async () => {
  await fixture.real.decide([fixture.queued({ quantity: 2 })]);
  fixture.passTime(KEEP.outcomesMs + GRACE_MS + 1);
  leads = false;
  let asked = 0;
  const { status } = fixture.queue;
  fixture.queue.status = () => {
    asked++;
    return status();
  };
  retention.start();
  await until(() => asked > 3);
  expect(rows('outcomes')).toBe(1);
  leads = true;
  await until(() => rows('outcomes') === 0);
});

test('a ledger in trouble is reported, and asked again', async () => {
  const { prune } = fixture.ledger;
  fixture.ledger.prune = async () => {
    throw new AppError('unavailable', 'for the test');
  };
  await fixture.real.decide([fixture.queued({ quantity: 2 })]);
  fixture.passTime(KEEP.outcomesMs + GRACE_MS + 1);
  retention.start();
  await until(() => troubles.length > 2);
  expect(new Set(troubles)).toEqual(new Set(['rows not pruned']));
  expect(retention.stats.failures).toBeGreaterThan(2);
  fixture.ledger.prune = prune;
  await until(() => rows('outcomes') === 0);
});
