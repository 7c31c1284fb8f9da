import { afterEach, beforeEach, expect, test } from 'bun:test';
import {
  openPurchaseFixture,
  type PurchaseFixture,
  TTL_MS,
} from '../../../tests/support/purchase-fixture.ts';
import { until } from '../../../tests/support/until.ts';
import { AppError } from '../../domain/errors.ts';
import type { Purchase } from '../../domain/purchase.ts';
import { NO_LOG } from '../../lib/log.ts';
import { encodePurchases } from '../../ports/purchase-message.ts';
import type { Found } from '../../ports/queries.ts';
import { chargeMessage } from '../payments/message.ts';
import { createWorker, type Worker } from '../purchase/worker.ts';
import { createDeadLetters, type DeadLetters, type Note } from './dead-letters.ts';

let fixture: PurchaseFixture;
let deadLetters: DeadLetters;
let decided: string[];
let worker: Worker | undefined;

beforeEach(async () => {
  fixture = await openPurchaseFixture({ units: 10 });
  decided = [];
  deadLetters = createDeadLetters({
    ledger: fixture.ledger,
    queue: fixture.queue,
    ids: fixture.ids,
  });
  fixture.changes.subscribe({ committed: (changes) => decided.push(...changes.decided) });
});
afterEach(async () => {
  await worker?.close();
  worker = undefined;
  expect(await fixture.breaches()).toEqual([]);
  await fixture.close();
});

const note: Note = (action, subject, details) => ({
  id: Bun.randomUUIDv7(),
  actor: 'grace',
  action,
  subject,
  reason: 'for the test',
  details,
});

/** As a worker does it that cannot decide the purchase. */
async function deadLettered(cause: string, ...purchases: Purchase[]): Promise<void> {
  for (const purchase of purchases) {
    await fixture.real.markNeedsAttention([purchase.id], true);
    await fixture.realQueue.deadLetter('purchases', encodePurchases([purchase]), cause);
  }
}

async function startWorker(): Promise<void> {
  worker = createWorker(fixture.real, fixture.realQueue, fixture.batcher(), fixture.clock, {
    batchesMax: 1,
    purchaseTtlMs: TTL_MS,
    ids: fixture.ids,
    log: NO_LOG,
  });
  await worker.start();
}

async function found(...purchases: Purchase[]): Promise<string[]> {
  const known = await fixture.real.find(purchases.map(({ id }) => id));
  const word = (one?: Found) => (one?.kind === 'refused' ? one.code : (one?.kind ?? 'nothing'));
  return purchases.map(({ id }) => word(known.get(id)));
}

async function lettersLeft(): Promise<number> {
  return (await fixture.realQueue.deadLetters('purchases', 100)).length;
}

test('letters are grouped by queue and by what their causes have in common, the oldest group first', async () => {
  const purchases = Array.from({ length: 7 }, () => fixture.queued());
  const orderIds = [fixture.ids.mint(), fixture.ids.mint()];
  await fixture.realQueue.deadLetter('payments', chargeMessage(orderIds), 'not charged');
  // Letters of one millisecond are equally old.
  fixture.passTime(1);
  for (const purchase of purchases) await deadLettered(`no place for ${purchase.id}`, purchase);
  const [payments, places, ...others] = (await deadLetters.groups()).groups;
  expect(others).toEqual([]);
  expect(payments).toMatchObject({ queue: 'payments', letters: 1, items: 2, itemIds: orderIds });
  expect(places).toMatchObject({ queue: 'purchases', cause: 'no place for <id>', letters: 7, items: 7 });
  expect(places!.itemIds).toEqual(purchases.slice(0, 5).map(({ id }) => id));
  expect(places!.oldestAt).toBeLessThanOrEqual(places!.newestAt);
});

test('letters are shown by group, with the purchases in them, and not more than asked for', async () => {
  const [one, other] = [fixture.queued(), fixture.queued()];
  await deadLettered('no place for 1', one, other);
  await deadLettered('something else', fixture.queued());
  const cause = 'no place for <n>';
  const all = await deadLetters.letters({ queue: 'purchases', cause, limit: 5 });
  expect(all.letters.map(({ itemIds }) => itemIds)).toEqual([[one.id], [other.id]]);
  expect(all.truncated).toBe(false);
  const first = await deadLetters.letters({ queue: 'purchases', cause: null, limit: 1 });
  expect(first.letters.map(({ itemIds }) => itemIds)).toEqual([[one.id]]);
  expect(first.truncated).toBe(true);
});

test('a replay has the purchases of a group decided, as if for the first time, and writes it down', async () => {
  const group = [fixture.queued(), fixture.queued()];
  const other = fixture.queued();
  for (const { id } of group) for (let i = 0; i < 5; i++) await fixture.real.countAttempts([id]);
  await deadLettered('no place for 1', ...group);
  await deadLettered('something else', other);
  const done = await deadLetters.replay({ queue: 'purchases', cause: 'no place for 2' }, note);
  expect(done).toEqual({ letters: 2, items: 2, truncated: false });
  await startWorker();
  await until(async () => (await found(...group)).every((word) => word === 'order'));
  expect(await found(other)).toEqual(['needs_attention']);
  expect(await lettersLeft()).toBe(1);
  expect(await fixture.real.auditLog(10, null)).toMatchObject([
    {
      action: 'dead-letters.replay',
      subject: 'queue/purchases',
      actor: 'grace',
      details: { cause: 'no place for <n>', letters: 2, items: 2 },
    },
  ]);
});

test('a discard ends purchases as discarded whatever is wrong with them, and tells their readers', async () => {
  const poison = fixture.queued({ quantity: 0 });
  const huge = fixture.queued({ quantity: Number.MAX_SAFE_INTEGER });
  const key = { scope: 'async:customer:ann', value: 'k', fingerprint: 'another purchase' };
  await fixture.real.bindKeys([{ key, purchaseId: fixture.ids.mint(), acceptedAt: fixture.clock() }]);
  const keyed = fixture.queued({ key: { ...key, fingerprint: '1:1' } });
  await deadLettered('bad', poison, huge, keyed);
  expect(await deadLetters.discard({ queue: 'purchases', cause: 'bad' }, note)).toMatchObject({ letters: 3 });
  expect(await found(poison, huge, keyed)).toEqual(['discarded', 'discarded', 'discarded']);
  expect(decided).toEqual([poison.id, huge.id, keyed.id]);
  expect(await lettersLeft()).toBe(0);
});

test('a discard leaves an outcome as it is that the purchase has already', async () => {
  const bought = fixture.queued();
  await deadLettered('its worker died after the commit', bought);
  await fixture.real.decide([bought]);
  await deadLetters.discard({ queue: 'purchases', cause: 'its worker died after the commit' }, note);
  expect(await found(bought)).toEqual(['order']);
  expect(await lettersLeft()).toBe(0);
});

test('letters that hold no purchase of ours are replayed and discarded like others', async () => {
  await fixture.realQueue.deadLetter('purchases', { body: 'garbage', items: 3 }, 'unreadable message: what?');
  const stranger = encodePurchases([fixture.purchase({ id: 'nobody knows me', channel: 'async' })]);
  await fixture.realQueue.deadLetter('purchases', stranger, 'unreadable message: who?');
  const done = await deadLetters.discard({ queue: 'purchases', cause: 'unreadable message' }, note);
  expect(done).toEqual({ letters: 2, items: 4, truncated: false });
  await fixture.realQueue.deadLetter('payments', { body: 'garbage', items: 1 }, 'not a list');
  expect(await deadLetters.replay({ queue: 'payments', cause: 'not a list' }, note)).toMatchObject({
    letters: 1,
  });
});

test('P3 letters of purchases that nobody can decide are listed, come back from a replay, and end by a discard', async () => {
  const [bought, mangled] = [fixture.queued(), fixture.queued()];
  const [tuple] = JSON.parse(encodePurchases([mangled]).body) as [unknown[]];
  const bodies = ['garbage', JSON.stringify([tuple.with(1, 'one')]), JSON.stringify([tuple.with(0, 'ann')])];
  await fixture.realQueue.publish('purchases', [
    ...bodies.map((body) => ({ body, items: 1 })),
    encodePurchases([bought]),
  ]);
  await startWorker();
  const choice = { queue: 'purchases', cause: 'unreadable message' } as const;
  const listed = async () => {
    await until(async () => (await lettersLeft()) === 3);
    const { letters } = await deadLetters.letters({ ...choice, limit: 10 });
    return letters.map(({ cause, itemIds }) => [cause, ...itemIds]).toSorted();
  };
  const first = await listed();
  expect(first).toEqual([
    ['unreadable message: a purchase without an id of ours'],
    ['unreadable message: a purchase without product', mangled.id],
    ['unreadable message: not JSON'],
  ]);
  expect(await deadLetters.replay(choice, note)).toMatchObject({ letters: 3, items: 3 });
  expect(await listed()).toEqual(first);
  expect(await found(bought, mangled)).toEqual(['order', 'needs_attention']);
  expect(await deadLetters.discard(choice, note)).toMatchObject({ letters: 3, items: 3 });
  expect(await lettersLeft()).toBe(0);
  expect(await found(mangled)).toEqual(['unknown_product']);
});

test('named letters alone are meant, and those that are gone already are not counted', async () => {
  const purchases = [fixture.queued(), fixture.queued()];
  await deadLettered('bad', ...purchases);
  const [first] = await fixture.realQueue.deadLetters('purchases', 1);
  const choice = { queue: 'purchases', ids: [first!.id, 'gone'] } as const;
  expect(await deadLetters.discard(choice, note)).toMatchObject({ letters: 1, items: 1 });
  expect(await found(...purchases)).toEqual(['discarded', 'needs_attention']);
  expect(await deadLetters.discard(choice, note)).toEqual({ letters: 0, items: 0, truncated: false });
  expect(await fixture.real.auditLog(10, null)).toHaveLength(1);
});

test('what broke off before the letter was forgotten is finished by asking again', async () => {
  const [toReplay, toDiscard] = [fixture.queued(), fixture.queued()];
  await deadLettered('replayed', toReplay);
  await deadLettered('discarded', toDiscard);
  const { replay, discard } = fixture.queue;
  fixture.queue.replay = fixture.queue.discard = async () => {
    throw new AppError('unavailable', 'for the test');
  };
  const replaying = { queue: 'purchases', cause: 'replayed' } as const;
  const discarding = { queue: 'purchases', cause: 'discarded' } as const;
  await expect(deadLetters.replay(replaying, note)).rejects.toMatchObject({
    code: 'outcome_unknown',
    message: expect.stringContaining('for the test'),
  });
  await expect(deadLetters.discard(discarding, note)).rejects.toMatchObject({
    code: 'outcome_unknown',
    message: expect.stringContaining('for the test'),
  });
  expect(await lettersLeft()).toBe(2);
  Object.assign(fixture.queue, { replay, discard });
  expect(await deadLetters.replay(replaying, note)).toMatchObject({ letters: 1 });
  expect(await deadLetters.discard(discarding, note)).toMatchObject({ letters: 1 });
  await startWorker();
  await until(async () => (await found(toReplay))[0] === 'order');
  expect(await found(toDiscard)).toEqual(['discarded']);
});

test('a purchase that was told to be too old, because a replay broke off, is not told otherwise', async () => {
  const purchase = fixture.queued();
  await deadLettered('bad', purchase);
  await fixture.real.markNeedsAttention([purchase.id], false);
  fixture.passTime(TTL_MS);
  await fixture.conclude(purchase.id, fixture.ids.read(purchase.id)!);
  await deadLetters.discard({ queue: 'purchases', cause: 'bad' }, note);
  expect(await found(purchase)).toEqual(['too_old']);
});

test('a replay and a discard of the same letters at once give each purchase one outcome', async () => {
  const purchases = Array.from({ length: 8 }, () => fixture.queued());
  await deadLettered('bad', ...purchases);
  await startWorker();
  const choice = { queue: 'purchases', cause: 'bad' } as const;
  const [replayed, discarded] = await Promise.all([
    deadLetters.replay(choice, note),
    deadLetters.discard(choice, note),
  ]);
  expect(replayed.letters + discarded.letters).toBe(8);
  await until(async () => (await found(...purchases)).every((word) => /order|discarded/.test(word)));
  const first = await found(...purchases);
  await until(async () =>
    (await fixture.realQueue.status()).every(({ ready, unacknowledged }) => ready + unacknowledged === 0),
  );
  expect(await found(...purchases)).toEqual(first);
  expect(await lettersLeft()).toBe(0);
});
