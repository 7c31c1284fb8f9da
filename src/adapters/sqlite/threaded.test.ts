import { Database } from 'bun:sqlite';
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../../tests/support/until.ts';
import { systemClock } from '../../domain/clock.ts';
import { AppError } from '../../domain/errors.ts';
import { createPurchaseIds, PURCHASE_ID_KEY_BYTES } from '../../domain/ids.ts';
import type { Purchase } from '../../domain/purchase.ts';
import type { DecidedBatch } from '../../ports/deciding-queue.ts';
import { encodePurchases } from '../../ports/purchase-message.ts';
import { openThreadedStore, startStoreThread, type ThreadedStore } from './threaded.ts';

const ids = createPurchaseIds(new Uint8Array(PURCHASE_ID_KEY_BYTES), systemClock);
const plain = {
  productId: 1,
  quantity: 1,
  customer: null,
  key: null,
  acceptedAt: 0,
  decideBy: Number.MAX_SAFE_INTEGER,
  refusal: null,
  expectedPriceMinor: null,
};

let folder: string;
let troubles: unknown[];
let opened: ThreadedStore[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pulsecart-threaded-'));
  troubles = [];
  opened = [];
});
afterEach(async () => {
  await Promise.all(opened.map((store) => store.close()));
  rmSync(folder, { recursive: true, force: true });
});

async function open(inFolder = folder): Promise<ThreadedStore> {
  const onTrouble = (error: unknown) => void troubles.push(error);
  const store = await openThreadedStore(inFolder, systemClock, onTrouble, onTrouble);
  opened.push(store);
  return store;
}

async function close(store: ThreadedStore): Promise<void> {
  opened.splice(opened.indexOf(store), 1);
  await store.close();
}

async function withProduct(): Promise<ThreadedStore> {
  const store = await open();
  await store.ledger.addProducts([{ id: 1, name: 'A thing', priceMinor: 1, currency: 'USD', units: 10 }]);
  return store;
}

const request = (changes: Partial<Purchase> = {}): Purchase => ({
  id: ids.mint(),
  channel: 'sync',
  ...plain,
  ...changes,
});

/** What opening fails with. */
function failure(inFolder = folder): Promise<unknown> {
  return open(inFolder).then(
    () => 'opened',
    (error) => error,
  );
}

test('a folder that another opened store holds is refused with a clear line, and free after its close', async () => {
  const first = await withProduct();
  const refused = await failure();
  expect(refused).toBeInstanceOf(AppError);
  expect(refused).toMatchObject({
    code: 'unusable_store',
    message: `Another PulseCart process is using the data folder ${folder}.`,
  });
  expect((await first.ledger.decide([request()])).outcomes).toMatchObject([{ kind: 'reserved' }]);
  await close(first);
  const second = await open();
  expect(await second.ledger.product(1)).toMatchObject({ reserved: 1 });
});

test('a folder that cannot be one is refused, and named', async () => {
  const notAFolder = join(folder, 'a-file');
  writeFileSync(notAFolder, 'not a folder');
  expect(await failure(notAFolder)).toMatchObject({
    code: 'unusable_store',
    message: expect.stringContaining(notAFolder),
  });
});

test('a file that is no database is refused and left as it is', async () => {
  const file = join(folder, 'pulsecart.db');
  writeFileSync(file, 'this is not a database at all, '.repeat(100));
  expect(await failure()).toMatchObject({ code: 'unusable_store', message: expect.stringContaining(file) });
  expect(await Bun.file(file).text()).toStartWith('this is not a database');
});

test('a schema newer than the program is refused, and says so', async () => {
  await close(await open());
  const db = new Database(join(folder, 'pulsecart.db'));
  db.run('PRAGMA busy_timeout = 5000');
  db.run('PRAGMA user_version = 999');
  db.close();
  expect(await failure()).toMatchObject({
    code: 'unusable_store',
    message: expect.stringContaining('schema 999'),
  });
});

test('an error of the store keeps its code across the thread, and is an AppError here, too', async () => {
  const { ledger, queue } = await withProduct();
  const blocker = new Database(join(folder, 'pulsecart.db'));
  blocker.run('BEGIN IMMEDIATE');
  const blocked = ledger.decide([request()]).catch((error) => error);
  const error = await blocked;
  blocker.run('ROLLBACK');
  blocker.close();
  expect(error).toBeInstanceOf(AppError);
  expect(error).toMatchObject({ code: 'unavailable', message: expect.stringContaining('SQLITE_BUSY') });
  // It says that nothing was kept, and the thread goes on.
  expect(await ledger.product(1)).toMatchObject({ reserved: 0 });
  await queue.ping();
}, 15_000);

test('a bug in the thread is an error of the call that met it, not an AppError, and the thread goes on', async () => {
  const { ledger } = await withProduct();
  const [bad, good] = await Promise.allSettled([
    ledger.decide([request({ quantity: 0 })]),
    ledger.decide([request()]),
  ]);
  expect(bad).toMatchObject({ status: 'rejected', reason: { message: expect.stringContaining('CHECK') } });
  expect((bad as PromiseRejectedResult).reason).not.toBeInstanceOf(AppError);
  expect(good).toMatchObject({ status: 'fulfilled', value: { outcomes: [{ kind: 'reserved' }] } });
});

test('deliveries cross to this thread, and their acknowledgements back', async () => {
  const { queue } = await open();
  const got: string[] = [];
  await queue.consume('purchases', { maxItems: 2, concurrency: 1 }, async (deliveries) => {
    got.push(...deliveries.map(({ body, redelivered }) => `${body} ${redelivered}`));
  });
  await queue.publish('purchases', [
    { body: 'größe 🎉', items: 1 },
    { body: 'two', items: 2 },
  ]);
  await until(async () => got.length === 2 && (await queue.status())[0]!.unacknowledged === 0);
  expect(got).toEqual(['größe 🎉 false', 'two false']);
  expect((await queue.status())[0]).toMatchObject({ ready: 0, consumers: 1 });
});

test('queued purchases are decided in the thread; their news cross, and before the consumer is closed', async () => {
  const { ledger, queue } = await withProduct();
  const own = createPurchaseIds(await ledger.secret('purchase_ids', PURCHASE_ID_KEY_BYTES), systemClock);
  const purchases = Array.from({ length: 12 }, () => request({ id: own.mint('async'), channel: 'async' }));
  const began = performance.now();
  const batches: DecidedBatch[] = [];
  const delivered: string[] = [];
  const consumer = await queue.consumePurchases(
    { maxItems: 100, concurrency: 1, purchaseTtlMs: Number.MAX_SAFE_INTEGER },
    (batch) => batches.push(batch),
    async (deliveries) => void delivered.push(...deliveries.map(({ body }) => body)),
  );
  await queue.publish('purchases', [encodePurchases(purchases), { body: 'rubbish', items: 1 }]);
  await until(() => delivered.length === 2);
  await queue.publish('purchases', [encodePurchases(purchases)]);
  await until(async () => (await queue.status())[0]!.ready === 0);
  await consumer.close();
  expect(delivered).toEqual([expect.any(String), 'rubbish']);
  expect(batches).toHaveLength(1);
  expect(batches[0]).toMatchObject({ reserved: 10, changes: { products: [{ reserved: 10 }] } });
  expect(batches[0]!.askedAtMs).toBeWithin(began, performance.now());
  expect(await ledger.product(1)).toEqual(batches[0]!.changes.products[0]!);
});

test('a handler that rejects here has its deliveries come again, and the trouble is told with its code', async () => {
  const { queue } = await open();
  const marks: boolean[] = [];
  await queue.consume('purchases', { maxItems: 1, concurrency: 1 }, async ([delivery]) => {
    marks.push(delivery!.redelivered);
    if (marks.length === 1) throw new AppError('unavailable', 'broken for the test');
  });
  await queue.publish('purchases', [{ body: 'one', items: 1 }]);
  await until(async () => marks.length === 2 && (await queue.status())[0]!.unacknowledged === 0);
  expect(marks).toEqual([false, true]);
  expect(troubles).toEqual([expect.any(AppError)]);
  expect(troubles).toMatchObject([{ code: 'unavailable', message: 'broken for the test' }]);
});

test('a consumer that is closed gets nothing more, and another goes on', async () => {
  const { queue } = await open();
  const [got, others]: [string[], string[]] = [[], []];
  const first = await queue.consume('purchases', { maxItems: 1, concurrency: 1 }, async ([delivery]) => {
    got.push(delivery!.body);
  });
  await queue.publish('purchases', [{ body: 'one', items: 1 }]);
  await until(() => got.length === 1);
  await first.close();
  await queue.publish('purchases', [{ body: 'two', items: 1 }]);
  await queue.consume('purchases', { maxItems: 1, concurrency: 1 }, async ([delivery]) => {
    others.push(delivery!.body);
  });
  await until(() => others.length === 1);
  expect([got, others]).toEqual([['one'], ['two']]);
});

test('closing waits for the handler under way, and its acknowledgement is kept', async () => {
  const store = await open();
  const { promise: go, resolve: letGo } = Promise.withResolvers<void>();
  let started = false;
  await store.queue.consume('purchases', { maxItems: 1, concurrency: 1 }, async () => {
    started = true;
    await go;
  });
  await store.queue.publish('purchases', [{ body: 'one', items: 1 }]);
  await until(() => started);
  const closed = close(store);
  letGo();
  await closed;
  const { queue } = await open();
  expect((await queue.status())[0]).toMatchObject({ ready: 0, unacknowledged: 0 });
});

test('what is written here is read at once, by this thread and after reopening', async () => {
  const store = await withProduct();
  const requests = Array.from({ length: 12 }, () => request());
  const { outcomes, changes } = await store.ledger.decide(requests);
  expect(outcomes.filter(({ kind }) => kind === 'reserved')).toHaveLength(10);
  expect(await store.ledger.product(1)).toEqual(changes.products[0]!);
  const found = await store.ledger.find(requests.map(({ id }) => id));
  expect([...found.values()].flatMap((one) => (one.kind === 'order' ? [one.order] : []))).toMatchObject(
    outcomes.flatMap((o) => (o.kind === 'reserved' ? [o.order] : [])),
  );
  await close(store);
  expect((await (await open()).ledger.find(requests.map(({ id }) => id))).size).toBe(10);
});

test('a closed store refuses what comes late', async () => {
  const store = await withProduct();
  await close(store);
  await expect(store.ledger.decide([request()])).rejects.toMatchObject({ code: 'unavailable' });
  await expect(store.queue.ping()).rejects.toMatchObject({ code: 'unavailable' });
});

test('a thread that dies leaves its calls with an unknown outcome, refuses later ones, and is reported', async () => {
  const RealWorker = globalThis.Worker;
  let thread: Worker | undefined;
  globalThis.Worker = class extends RealWorker {
    constructor(url: string | URL) {
      super(url);
      thread = this;
    }
  };
  const deaths: unknown[] = [];
  const store = await openThreadedStore(
    folder,
    systemClock,
    () => {},
    (error) => deaths.push(error),
  ).finally(() => {
    globalThis.Worker = RealWorker;
  });
  thread!.postMessage('not a message of ours'); // A bug in the thread, as far as it can tell.
  const underWay = store.ledger.decide([request()]);
  await expect(underWay).rejects.toMatchObject({ code: 'outcome_unknown' });
  expect(deaths).toHaveLength(1);
  await expect(store.ledger.decide([request()])).rejects.toMatchObject({ code: 'unavailable' });
});

test('P6 files that are deleted under a store at rest are noticed, and nothing is taken from then on', async () => {
  const lost: unknown[] = [];
  const store = await openThreadedStore(
    folder,
    systemClock,
    () => {},
    (error) => lost.push(error),
  );
  rmSync(join(folder, 'pulsecart.db-wal'));
  await until(() => lost.length > 0);
  expect(lost).toMatchObject([
    { code: 'unavailable', message: expect.stringMatching(/has lost a file .*: pulsecart\.db-wal\./) },
  ]);
  await expect(store.ledger.decide([request()])).rejects.toMatchObject({ code: 'unavailable' });
  await expect(store.close()).rejects.toMatchObject({ code: 'unavailable' });
});

test('a store that is left hands its thread on, and the next one has its own files', async () => {
  const first = await withProduct();
  opened.splice(0);
  const thread = startStoreThread();
  const noTrouble = (error: unknown) => void troubles.push(error);
  const left = await openThreadedStore(join(folder, 'left'), systemClock, noTrouble, noTrouble, thread);
  await left.ledger.addProducts([{ id: 1, name: 'Left', priceMinor: 1, currency: 'USD', units: 10 }]);
  const leaving = left.leave();
  const late = left.queue.status().catch((error) => error);
  await leaving;
  expect(await late).toMatchObject({ code: 'outcome_unknown' });
  await expect(left.ledger.decide([request()])).rejects.toMatchObject({ code: 'unavailable' });
  await first.close();
  const next = await openThreadedStore(folder, systemClock, noTrouble, noTrouble, thread);
  opened.push(next);
  expect((await next.ledger.product(1))?.name).toBe('A thing');
  expect(troubles).toEqual([]);
  expect((await next.ledger.decide([request()])).outcomes).toMatchObject([{ kind: 'reserved' }]);
});
