import { afterEach, beforeEach, expect, test } from 'bun:test';
import {
  ANSWER_WITHIN_MS,
  KEEP_MS,
  openPurchaseFixture,
  type PurchaseFixture,
  TTL_MS,
} from '../../../tests/support/purchase-fixture.ts';
import { until } from '../../../tests/support/until.ts';
import { AppError } from '../../domain/errors.ts';
import { createConclude } from './conclude.ts';
import { createTracking, type Tracking } from './tracking.ts';

/** Longer than the test runs: an answer that comes was not brought by the end of the time. */
const LONG_MS = 60_000;

let fixture: PurchaseFixture;
let tracking: Tracking;

beforeEach(async () => {
  fixture = await openPurchaseFixture({ units: 2 });
  tracking = createTracking(fixture.ledger, fixture.changes, fixture.ids, fixture.clock, {
    conclude: fixture.conclude,
    keepOutcomesMs: KEEP_MS,
    answerWithinMs: ANSWER_WITHIN_MS,
  });
});
afterEach(async () => {
  tracking.close();
  await fixture.close();
});

test('an id that was never issued is unknown, whatever its shape', async () => {
  const id = fixture.ids.mint();
  const forged = id.slice(0, -1) + (id.endsWith('0') ? '1' : '0');
  for (const unknown of [forged, 'nonsense', '', id.toUpperCase()]) {
    expect(await tracking.read(unknown, LONG_MS)).toBeNull();
  }
});

test('an accepted purchase is queued until it is decided, then confirmed or rejected for good', async () => {
  const [granted, refused] = [fixture.queued({ quantity: 2 }), fixture.queued()];
  expect(await tracking.read(granted.id, 0)).toMatchObject({
    status: 'queued',
    code: null,
    productId: null,
    updatedAt: fixture.ids.read(granted.id)!.acceptedAt,
  });
  await fixture.real.decide([granted, refused]);
  expect(await tracking.read(granted.id, 0)).toMatchObject({
    status: 'confirmed',
    code: null,
    productId: 1,
    quantity: 2,
  });
  const rejected = await tracking.read(refused.id, 0);
  expect(rejected).toMatchObject({
    status: 'rejected',
    code: 'sold_out',
    message: 'Out of stock. Requested: 1, Available: 0',
  });
  await fixture.real.reset(1, 5);
  fixture.passTime(2 * TTL_MS);
  expect(await tracking.read(refused.id, 0)).toEqual(rejected);
});

test('a sold-out id answers by itself', async () => {
  fixture.ledger.find = async () => {
    throw new Error('not to be asked');
  };
  expect(await tracking.read(fixture.ids.mintSoldOut(1, 3)!, LONG_MS)).toMatchObject({
    status: 'rejected',
    code: 'sold_out',
    productId: 1,
    quantity: 3,
  });
});

test('readers that wait are woken by the decision, all of them and no others', async () => {
  const [request, other] = [fixture.queued(), fixture.queued()];
  const { find } = fixture.ledger;
  // Nothing comes from asking again for all who wait: only being told wakes them.
  fixture.ledger.find = (ids) => (ids.length > 1 ? new Promise(() => {}) : find(ids));
  const readers = [tracking.read(request.id, LONG_MS), tracking.read(request.id, LONG_MS)];
  const patient = tracking.read(other.id, LONG_MS);
  await until(() => tracking.waiting() === 3);
  await fixture.real.decide([request]);
  fixture.others.news({ decided: [request.id] });
  expect(await Promise.all(readers)).toMatchObject([{ status: 'confirmed' }, { status: 'confirmed' }]);
  expect(tracking.waiting()).toBe(1);
  tracking.close();
  expect(await patient).toMatchObject({ status: 'queued' });
});

test('a reader whose time is over hears what is known', async () => {
  const startedAtMs = performance.now();
  expect(await tracking.read(fixture.ids.mint(), 30)).toMatchObject({ status: 'queued' });
  expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(29);
  expect(tracking.waiting()).toBe(0);
});

test('a decision that another process made is noticed without being told', async () => {
  const request = fixture.queued();
  const reader = tracking.read(request.id, LONG_MS);
  await until(() => tracking.waiting() === 1);
  await fixture.real.decide([request]);
  expect(await reader).toMatchObject({ status: 'confirmed' });
});

test('readers wait on while the ledger cannot be asked again', async () => {
  const request = fixture.queued();
  const reader = tracking.read(request.id, LONG_MS);
  await until(() => tracking.waiting() === 1);
  const { find } = fixture.ledger;
  let failures = 0;
  fixture.ledger.find = async () => {
    failures++;
    throw new Error('silent for the test');
  };
  await until(() => failures > 0);
  fixture.ledger.find = find;
  await fixture.real.decide([request]);
  expect(await reader).toMatchObject({ status: 'confirmed' });
});

test('a purchase whose time to live is over reads failed, though nobody decided it', async () => {
  const request = fixture.queued();
  expect(await tracking.read(request.id, 0)).toMatchObject({ status: 'queued' });
  fixture.passTime(TTL_MS);
  const told = await tracking.read(request.id, LONG_MS);
  expect(told).toMatchObject({ status: 'failed', code: 'too_old', productId: null, quantity: null });
  expect(await fixture.breaches()).toEqual([]);
});

test('P2 an outcome never changes: who reads that it is too old has it written, and a decision on its way comes too late', async () => {
  const request = fixture.queued();
  fixture.passTime(TTL_MS);
  const told = await tracking.read(request.id, 0);
  expect(told).toMatchObject({ status: 'failed', code: 'too_old' });
  const [outcome] = (await fixture.real.decide([{ ...request, decideBy: fixture.clock() + TTL_MS }]))
    .outcomes;
  expect(outcome).toMatchObject({ kind: 'refused', code: 'too_old' });
  expect(await tracking.read(request.id, 0)).toEqual(told);
  expect(await fixture.breaches()).toEqual([]);
});

test('P2 an outcome never changes: while a decision may still be committed the purchase reads queued', async () => {
  const request = fixture.queued();
  fixture.passTime(TTL_MS);
  const { conclude } = fixture.ledger;
  fixture.ledger.conclude = () => Promise.reject(new AppError('unavailable', 'it is being committed'));
  expect(await tracking.read(request.id, 0)).toMatchObject({ status: 'queued', code: null });
  fixture.ledger.conclude = conclude;
  expect(await tracking.read(request.id, 0)).toMatchObject({ status: 'failed' });
});

test('P7 one deadline: who reads while the ledger is silent waits for no longer than those before', async () => {
  const answerWithinMs = 1_500;
  const { conclude } = fixture;
  const readers = createTracking(fixture.ledger, fixture.changes, fixture.ids, fixture.clock, {
    conclude,
    keepOutcomesMs: KEEP_MS,
    answerWithinMs,
  });
  fixture.ledger.find = async () => {
    await Bun.sleep(answerWithinMs);
    throw new AppError('unavailable', 'silent for the test');
  };
  const read = async () => {
    const askedAtMs = performance.now();
    const failure = await readers.read(fixture.ids.mint(), 0).catch((error) => error);
    expect(failure).toMatchObject({ code: 'unavailable' });
    return performance.now() - askedAtMs;
  };
  const first = [read(), read()];
  await Bun.sleep(100);
  const took = await Promise.all([...first, read(), read()]);
  // One after the other they took nearly twice the time; a loaded machine may take its own.
  expect(Math.max(...took)).toBeLessThan(answerWithinMs + 1_000);
});

test('P7 one deadline: a purchase that cannot be ended reads queued, also when the disk stands still', async () => {
  const request = fixture.queued();
  fixture.passTime(TTL_MS);
  fixture.ledger.conclude = () => new Promise(() => {});
  const conclude = createConclude(
    fixture.ledger,
    fixture.clock,
    { sync: ANSWER_WITHIN_MS, async: TTL_MS },
    KEEP_MS,
    200,
  );
  const readers = createTracking(fixture.ledger, fixture.changes, fixture.ids, fixture.clock, {
    conclude,
    keepOutcomesMs: KEEP_MS,
    answerWithinMs: ANSWER_WITHIN_MS,
  });
  expect(await readers.read(request.id, 0)).toMatchObject({ status: 'queued' });
});

test('a purchase that was dead-lettered reads queued and says that it needs attention, until it is decided', async () => {
  const request = fixture.queued();
  await fixture.real.markNeedsAttention([request.id], true);
  const { acceptedAt } = fixture.ids.read(request.id)!;
  expect(await tracking.read(request.id, 0)).toMatchObject({
    status: 'queued',
    code: 'needs_attention',
    updatedAt: acceptedAt,
  });
  await fixture.real.decide([request]);
  expect(await tracking.read(request.id, 0)).toMatchObject({ status: 'confirmed', code: null });
});

test('closing answers all who wait, and nobody waits after it', async () => {
  const readers = Array.from({ length: 20 }, () => tracking.read(fixture.ids.mint(), LONG_MS));
  await until(() => tracking.waiting() === 20);
  tracking.close();
  expect(await Promise.all(readers)).toHaveLength(20);
  expect(await tracking.read(fixture.ids.mint(), LONG_MS)).toMatchObject({ status: 'queued' });
  expect(tracking.waiting()).toBe(0);
});

test('a purchase that got nothing is unknown once its time is over, whatever the ledger still has of it', async () => {
  const refused = fixture.queued({ quantity: 3 });
  const undecided = fixture.queued();
  const soldOut = fixture.ids.mintSoldOut(1, 1)!;
  await fixture.real.decide([refused]);
  const read = () => Promise.all([refused.id, undecided.id, soldOut].map((id) => tracking.read(id, 0)));
  fixture.passTime(KEEP_MS - 60_000);
  expect((await read()).map((one) => one?.status)).toEqual(['rejected', 'failed', 'rejected']);
  fixture.passTime(60_001);
  expect(await read()).toEqual([null, null, null]);
});

test('an order, and a purchase that waits for an operator, are known for ever', async () => {
  const [bought, waiting] = [fixture.queued(), fixture.queued()];
  await fixture.real.decide([bought]);
  await fixture.real.markNeedsAttention([waiting.id], true);
  fixture.passTime(10 * KEEP_MS);
  expect(await tracking.read(bought.id, 0)).toMatchObject({ status: 'confirmed' });
  expect(await tracking.read(waiting.id, 0)).toMatchObject({ status: 'queued', code: 'needs_attention' });
});
