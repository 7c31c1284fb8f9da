import { afterEach, beforeEach, expect, test } from 'bun:test';
import { keptLog } from '../../../tests/support/kept-log.ts';
import {
  openPurchaseFixture,
  PRODUCT_ID,
  type PurchaseFixture,
} from '../../../tests/support/purchase-fixture.ts';
import { until } from '../../../tests/support/until.ts';
import { AppError } from '../../domain/errors.ts';
import { createLeader } from './leader.ts';
import { createReconciler, type Reconciler, type ReconcilerDependencies } from './reconciler.ts';

let fixture: PurchaseFixture;
const reconcilers: Reconciler[] = [];
const troubles: string[] = [];

beforeEach(async () => {
  fixture = await openPurchaseFixture({ units: 10 });
});
afterEach(async () => {
  await Promise.all(reconcilers.splice(0).map((one) => one.close()));
  troubles.length = 0;
  await fixture.close();
});

/** One that works all the time, as process `owner`. */
function start(changes: Partial<ReconcilerDependencies> = {}, owner = 'a'): Reconciler {
  const reconciler = createReconciler({
    ledger: fixture.ledger,
    gate: fixture.gate,
    queue: fixture.queue,
    stockCache: fixture.stockCache,
    monotonicMs: fixture.monotonicMs,
    leader: createLeader(fixture.ledger, owner),
    log: keptLog(troubles),
    everyMs: 1,
    ...changes,
  });
  reconciler.start();
  reconcilers.push(reconciler);
  return reconciler;
}

/** What the gate would give: as many single units as it has free, put back at once by showing it the truth again. */
async function freeAtTheGate(): Promise<number> {
  const answer = await fixture.gate.claim(PRODUCT_ID, Array(20).fill(1), null);
  return answer.known ? answer.claims.filter((claim) => claim === 'claimed').length : -1;
}

test('units that a process claimed before it died are free at the gate again', async () => {
  const { version } = (await fixture.real.product(PRODUCT_ID))!;
  await fixture.gate.update({ productId: PRODUCT_ID, version, available: 10 }, 'ifNewer');
  expect(await freeAtTheGate()).toBe(10);
  start();
  await until(async () => (await freeAtTheGate()) === 10);
});

test('a gate that lost everything knows the products again', async () => {
  start();
  await until(async () => (await freeAtTheGate()) === 10);
});

test('an accepted count that a crash left too low is set right once the queue is empty, and only then', async () => {
  await fixture.real.decide([fixture.queued(), fixture.queued()]);
  await fixture.queue.publish('purchases', [{ body: 'one more', items: 1 }]);
  start();
  let rounds = 0;
  const status = fixture.realQueue.status;
  fixture.queue.status = () => {
    rounds++;
    return status();
  };
  await until(() => rounds > 20);
  expect(await fixture.real.asyncCounts()).toEqual({ accepted: 0, decided: 2 });

  const consumer = await fixture.queue.consume('purchases', { maxItems: 1, concurrency: 1 }, async () => {});
  await until(async () => (await fixture.real.asyncCounts()).accepted === 2);
  await consumer.close();
});

test('an accepted count leaves room for what was dead-lettered, and comes down when it was too high', async () => {
  await fixture.real.countAccepted({ queued: 7, decidedByTheId: 0 });
  await fixture.real.decide([fixture.queued()]);
  await fixture.queue.deadLetter('purchases', { body: 'bad', items: 2 }, 'for the test');
  start();
  await until(async () => (await fixture.real.asyncCounts()).accepted === 3);
});

test('what was done, and put right, is told', async () => {
  await fixture.real.decide([fixture.queued(), fixture.queued()]);
  const { stats } = start();
  await until(() => stats.counts.corrected === 2 && stats.gate.corrected > 1);
  expect(stats.gate).toMatchObject({ failures: 0, leads: true });
  expect(stats.gate.runs).toBeGreaterThan(1);
  expect(performance.now() - stats.gate.lastRunAtMs!).toBeLessThan(60_000);
});

test('one of two does the work, and the other one when the first has gone', async () => {
  const shown = { a: 0, b: 0 };
  const asked = { a: 0, b: 0 };
  const as = (owner: 'a' | 'b') => {
    const leader = createLeader(fixture.ledger, owner);
    const gate = { update: async () => void shown[owner]++ };
    const isLeader = (job: string) => {
      asked[owner]++;
      return leader.isLeader(job);
    };
    return { leader, reconciler: start({ gate, leader: { isLeader } }, owner) };
  };
  const a = as('a');
  await until(() => shown.a > 2);
  const b = as('b');
  await until(() => asked.b > 10);
  expect(shown.b).toBe(0);

  await a.reconciler.close();
  await a.leader.close();
  await until(() => shown.b > 2);
  await b.leader.close();
});

test('a ledger in trouble is reported, and asked again', async () => {
  const { products } = fixture.ledger;
  fixture.ledger.products = async () => {
    throw new AppError('unavailable', 'for the test');
  };
  start();
  await until(() => troubles.length > 2);
  expect(new Set(troubles)).toEqual(new Set(['reconciling the gate']));
  expect(reconcilers[0]!.stats.gate).toMatchObject({ runs: 0, lastRunAtMs: null });
  expect(reconcilers[0]!.stats.gate.failures).toBeGreaterThan(2);
  fixture.ledger.products = products;
  await until(async () => (await freeAtTheGate()) === 10);
});
