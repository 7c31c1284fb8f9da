import { afterEach, beforeEach, expect, test } from 'bun:test';
import { openPurchaseHouse, type PurchaseHouse, TTL_MS } from '../../../tests/support/purchase-house.ts';
import { until } from '../../../tests/support/until.ts';
import { AppError } from '../../domain/errors.ts';
import type { Purchase } from '../../domain/purchase.ts';
import type { Found } from '../../ports/ledger.ts';
import { chargeMessage } from '../payments/message.ts';
import { encodePurchases } from '../purchase/message.ts';
import { createWorker, type Worker } from '../purchase/worker.ts';
import { createDeadLetters, type DeadLetters, type Note } from './dead-letters.ts';

let house: PurchaseHouse;
let deadLetters: DeadLetters;
let decided: string[];
let worker: Worker | undefined;

beforeEach(async () => {
  house = await openPurchaseHouse({ units: 10 });
  decided = [];
  deadLetters = createDeadLetters({
    ledger: house.ledger,
    queue: house.queue,
    ids: house.ids,
    onDecided: (ids) => decided.push(...ids),
  });
});
afterEach(async () => {
  await worker?.close();
  worker = undefined;
  expect(await house.breaches()).toEqual([]);
  await house.close();
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
async function putAside(cause: string, ...purchases: Purchase[]): Promise<void> {
  for (const purchase of purchases) {
    await house.real.markNeedsAttention([purchase.id], true);
    await house.realQueue.deadLetter('purchases', encodePurchases([purchase]), cause);
  }
}

async function startWorker(): Promise<void> {
  worker = createWorker(house.real, house.realQueue, house.desk(), house.clock, {
    batchesMax: 1,
    purchaseTtlMs: TTL_MS,
    ids: house.ids,
    onDecided: () => {},
    onTrouble: () => {},
  });
  await worker.start();
}

async function found(...purchases: Purchase[]): Promise<string[]> {
  const known = await house.real.find(purchases.map(({ id }) => id));
  const word = (one?: Found) => (one?.kind === 'refused' ? one.code : (one?.kind ?? 'nothing'));
  return purchases.map(({ id }) => word(known.get(id)));
}

async function lettersLeft(): Promise<number> {
  return (await house.realQueue.deadLetters('purchases', 100)).length;
}

test('letters are grouped by queue and by what their causes have in common, the oldest group first', async () => {
  const purchases = Array.from({ length: 7 }, () => house.queued());
  const orderIds = [house.ids.mint(), house.ids.mint()];
  await house.realQueue.deadLetter('payments', chargeMessage(orderIds), 'not charged');
  // Letters of one millisecond are equally old.
  house.passTime(1);
  for (const purchase of purchases) await putAside(`no place for ${purchase.id}`, purchase);
  const [payments, places, ...others] = (await deadLetters.groups()).groups;
  expect(others).toEqual([]);
  expect(payments).toMatchObject({ queue: 'payments', letters: 1, items: 2, itemIds: orderIds });
  expect(places).toMatchObject({ queue: 'purchases', cause: 'no place for <id>', letters: 7, items: 7 });
  expect(places!.itemIds).toEqual(purchases.slice(0, 5).map(({ id }) => id));
  expect(places!.oldestAt).toBeLessThanOrEqual(places!.newestAt);
});

test('letters are shown by group, with the purchases in them, and not more than asked for', async () => {
  const [one, other] = [house.queued(), house.queued()];
  await putAside('no place for 1', one, other);
  await putAside('something else', house.queued());
  const cause = 'no place for <n>';
  const all = await deadLetters.letters({ queue: 'purchases', cause, limit: 5 });
  expect(all.letters.map(({ itemIds }) => itemIds)).toEqual([[one.id], [other.id]]);
  expect(all.truncated).toBe(false);
  const first = await deadLetters.letters({ queue: 'purchases', cause: null, limit: 1 });
  expect(first.letters.map(({ itemIds }) => itemIds)).toEqual([[one.id]]);
  expect(first.truncated).toBe(true);
});

test('a replay has the purchases of a group decided, as if for the first time, and writes it down', async () => {
  const group = [house.queued(), house.queued()];
  const other = house.queued();
  for (const { id } of group) for (let i = 0; i < 5; i++) await house.real.countAttempts([id]);
  await putAside('no place for 1', ...group);
  await putAside('something else', other);
  const done = await deadLetters.replay({ queue: 'purchases', cause: 'no place for 2' }, note);
  expect(done).toEqual({ letters: 2, items: 2, truncated: false });
  await startWorker();
  await until(async () => (await found(...group)).every((word) => word === 'order'));
  expect(await found(other)).toEqual(['needs_attention']);
  expect(await lettersLeft()).toBe(1);
  expect(await house.real.operations(10, null)).toMatchObject([
    {
      action: 'dead-letters.replay',
      subject: 'queue/purchases',
      actor: 'grace',
      details: { cause: 'no place for <n>', letters: 2, items: 2 },
    },
  ]);
});

test('a discard ends purchases as discarded whatever is wrong with them, and tells their readers', async () => {
  const poison = house.queued({ quantity: 0 });
  const huge = house.queued({ quantity: Number.MAX_SAFE_INTEGER });
  const key = { scope: 'async:customer:ann', value: 'k', fingerprint: 'another purchase' };
  await house.real.bindKeys([{ key, purchaseId: house.ids.mint(), acceptedAt: house.clock() }]);
  const keyed = house.queued({ key: { ...key, fingerprint: '1:1' } });
  await putAside('bad', poison, huge, keyed);
  expect(await deadLetters.discard({ queue: 'purchases', cause: 'bad' }, note)).toMatchObject({ letters: 3 });
  expect(await found(poison, huge, keyed)).toEqual(['discarded', 'discarded', 'discarded']);
  expect(decided).toEqual([poison.id, huge.id, keyed.id]);
  expect(await lettersLeft()).toBe(0);
});

test('a discard leaves an outcome as it is that the purchase has already', async () => {
  const bought = house.queued();
  await putAside('its worker died after the commit', bought);
  await house.real.decide([bought]);
  await deadLetters.discard({ queue: 'purchases', cause: 'its worker died after the commit' }, note);
  expect(await found(bought)).toEqual(['order']);
  expect(await lettersLeft()).toBe(0);
});

test('letters that hold no purchase of ours are replayed and discarded like others', async () => {
  await house.realQueue.deadLetter('purchases', { body: 'garbage', items: 3 }, 'unreadable message: what?');
  const stranger = encodePurchases([house.purchase({ id: 'nobody knows me', channel: 'async' })]);
  await house.realQueue.deadLetter('purchases', stranger, 'unreadable message: who?');
  const done = await deadLetters.discard({ queue: 'purchases', cause: 'unreadable message' }, note);
  expect(done).toEqual({ letters: 2, items: 4, truncated: false });
  await house.realQueue.deadLetter('payments', { body: 'garbage', items: 1 }, 'not a list');
  expect(await deadLetters.replay({ queue: 'payments', cause: 'not a list' }, note)).toMatchObject({
    letters: 1,
  });
});

test('P3 letters of purchases that nobody can decide are listed, come back from a replay, and end by a discard', async () => {
  const [bought, mangled] = [house.queued(), house.queued()];
  const [tuple] = JSON.parse(encodePurchases([mangled]).body) as [unknown[]];
  const bodies = ['garbage', JSON.stringify([tuple.with(1, 'one')]), JSON.stringify([tuple.with(0, 'ann')])];
  await house.realQueue.publish('purchases', [
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
  const purchases = [house.queued(), house.queued()];
  await putAside('bad', ...purchases);
  const [first] = await house.realQueue.deadLetters('purchases', 1);
  const choice = { queue: 'purchases', ids: [first!.id, 'gone'] } as const;
  expect(await deadLetters.discard(choice, note)).toMatchObject({ letters: 1, items: 1 });
  expect(await found(...purchases)).toEqual(['discarded', 'needs_attention']);
  expect(await deadLetters.discard(choice, note)).toEqual({ letters: 0, items: 0, truncated: false });
  expect(await house.real.operations(10, null)).toHaveLength(1);
});

test('what broke off before the letter was forgotten is finished by asking again', async () => {
  const [toReplay, toDiscard] = [house.queued(), house.queued()];
  await putAside('replayed', toReplay);
  await putAside('discarded', toDiscard);
  const { replay, discard } = house.queue;
  house.queue.replay = house.queue.discard = async () => {
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
  Object.assign(house.queue, { replay, discard });
  expect(await deadLetters.replay(replaying, note)).toMatchObject({ letters: 1 });
  expect(await deadLetters.discard(discarding, note)).toMatchObject({ letters: 1 });
  await startWorker();
  await until(async () => (await found(toReplay))[0] === 'order');
  expect(await found(toDiscard)).toEqual(['discarded']);
});

test('a purchase that was told to be too old, because a replay broke off, is not told otherwise', async () => {
  const purchase = house.queued();
  await putAside('bad', purchase);
  await house.real.markNeedsAttention([purchase.id], false);
  house.passTime(TTL_MS);
  await house.conclude(purchase.id, house.ids.read(purchase.id)!);
  await deadLetters.discard({ queue: 'purchases', cause: 'bad' }, note);
  expect(await found(purchase)).toEqual(['too_old']);
});

test('a replay and a discard of the same letters at once give each purchase one outcome', async () => {
  const purchases = Array.from({ length: 8 }, () => house.queued());
  await putAside('bad', ...purchases);
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
    (await house.realQueue.status()).every(({ ready, unacknowledged }) => ready + unacknowledged === 0),
  );
  expect(await found(...purchases)).toEqual(first);
  expect(await lettersLeft()).toBe(0);
});
