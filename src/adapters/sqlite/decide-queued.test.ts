import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../../tests/support/until.ts';
import { systemClock } from '../../domain/clock.ts';
import { AppError } from '../../domain/errors.ts';
import { createPurchaseIds, PURCHASE_ID_KEY_BYTES } from '../../domain/ids.ts';
import type { DecidedBatch } from '../../ports/deciding-queue.ts';
import { encodePurchases, type QueuedPurchase } from '../../ports/purchase-message.ts';
import type { Delivery } from '../../ports/queue.ts';
import { createDecideQueued } from './decide-queued.ts';
import { createDecide } from './ledger/decide.ts';
import { openSqliteLedger } from './ledger.ts';
import { openSqliteQueue } from './queue.ts';
import { openStore, type Store } from './store.ts';

const UNITS = 5;
const ids = createPurchaseIds(new Uint8Array(PURCHASE_ID_KEY_BYTES), systemClock);

let folder: string;
let store: Store;
let decided: DecidedBatch[];
let delivered: Delivery[];
let troubles: unknown[];
/** What the listener does about each batch. */
let hear: () => Promise<void>;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pulsecart-decide-queued-'));
  store = openStore(folder);
  [decided, delivered, troubles] = [[], [], []];
  hear = async () => {};
  const product = { id: 1, name: 'A thing', priceMinor: 1, currency: 'USD', units: UNITS };
  await openSqliteLedger(store, systemClock).addProducts([product]);
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true });
});

function purchase(changes: Partial<QueuedPurchase> = {}): QueuedPurchase {
  const plain = {
    productId: 1,
    quantity: 1,
    customer: null,
    key: null,
    refusal: null,
    expectedPriceMinor: null,
  };
  return { id: ids.mint('async'), channel: 'async', acceptedAt: Date.now(), ...plain, ...changes };
}

/** A queue on `on` whose purchases are decided by itself; the handler takes all that it gets. */
async function consume(on: Store = store) {
  const queue = openSqliteQueue(on, systemClock, (error) => troubles.push(error));
  const tell = async (batch: DecidedBatch) => {
    decided.push(batch);
    await hear();
  };
  await queue.consume(
    'purchases',
    { maxItems: 100, concurrency: 1 },
    async (deliveries) => void delivered.push(...deliveries),
    createDecideQueued(createDecide(on.db), ids, systemClock, 60_000, tell),
  );
  return queue;
}

const count = (table: 'messages' | 'orders' | 'outcomes') =>
  store.db.query<{ n: number }, []>(`SELECT count(*) AS n FROM ${table}`).get()!.n;

test('purchases are decided in the commit that acknowledges them, and told of after it', async () => {
  let commits = 0;
  let left: number[] = [];
  const queue = await consume({
    ...store,
    write(work) {
      commits++;
      const result = store.write(work);
      left = [count('messages'), count('orders'), count('outcomes'), decided.length];
      return result;
    },
  });
  const purchases = Array.from({ length: UNITS + 2 }, () => purchase());
  await queue.publish('purchases', [encodePurchases(purchases)]);
  await until(() => decided.length === 1);
  // Published; taken, which counts the delivery; decided and acknowledged, before anybody heard of it.
  expect(commits).toBe(3);
  expect(left).toEqual([0, UNITS, 2, 0]);
  const { changes, reserved, tooOld, tookMs } = decided[0]!;
  expect(changes.decided).toEqual(purchases.map(({ id }) => id));
  expect(changes.reserved).toHaveLength(UNITS);
  expect(changes.products).toMatchObject([{ id: 1, reserved: UNITS }]);
  expect([reserved, tooOld, tookMs.length]).toEqual([UNITS, 0, UNITS + 2]);
  expect([delivered, troubles]).toEqual([[], []]);
  await queue.close();
});

test('a purchase past its time to live ends too old, and is counted so', async () => {
  const queue = await consume();
  await queue.publish('purchases', [encodePurchases([purchase({ acceptedAt: Date.now() - 60_000 })])]);
  await until(() => decided.length === 1);
  expect(decided[0]).toMatchObject({ reserved: 0, tooOld: 1 });
  await queue.close();
});

test('a batch with what cannot be read, or with a sampled purchase, is left to the handler', async () => {
  const queue = await consume();
  const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), state: '' };
  for (const message of [{ body: 'rubbish', items: 1 }, encodePurchases([purchase({ trace })])]) {
    const before = delivered.length;
    await queue.publish('purchases', [message]);
    await until(() => delivered.length > before);
    expect(delivered.at(-1)).toMatchObject({ ...message, redelivered: false });
  }
  await until(() => count('messages') === 0);
  expect(decided).toEqual([]);
  await queue.close();
});

test('a batch whose decision meets a bug is decided in no part, and goes to the handler as a redelivery', async () => {
  store.db.run(`CREATE TRIGGER poison BEFORE INSERT ON orders WHEN new.customer = 'poison'
    BEGIN SELECT RAISE(ABORT, 'poisoned for the test'); END`);
  const queue = await consume();
  const message = encodePurchases([purchase(), purchase({ customer: 'poison' })]);
  await queue.publish('purchases', [message]);
  await until(() => delivered.length === 1 && count('messages') === 0);
  expect(delivered).toMatchObject([{ ...message, redelivered: true }]);
  expect(troubles).toMatchObject([{ message: expect.stringContaining('poisoned') }]);
  expect([decided.length, count('orders')]).toEqual([0, 0]);
  await queue.publish('purchases', [encodePurchases([purchase()])]);
  await until(() => decided.length === 1);
  await queue.close();
});

test('a commit that fails, or that nobody knows of, is repeated, and each purchase is decided once', async () => {
  let failing = 0;
  const queue = await consume({
    ...store,
    write(work) {
      const before = count('orders');
      const failure = new AppError('outcome_unknown', 'failed for the test');
      const result = store.write(() => {
        const done = work();
        if (count('orders') > before && ++failing === 1) throw failure;
        return done;
      });
      if (count('orders') > before && failing === 2) throw failure;
      return result;
    },
  });
  await queue.publish('purchases', [encodePurchases([purchase(), purchase()])]);
  await until(() => decided.length === 1);
  expect(troubles).toHaveLength(2);
  expect([count('orders'), count('messages'), delivered.length]).toEqual([2, 0, 0]);
  await queue.close();
});

test('what was taken and not decided when the process died is redelivered, and not decided in a batch', async () => {
  let writes = 0;
  const dying: Store = {
    ...store,
    write(work) {
      if (++writes > 2) throw new AppError('unavailable', 'died for the test');
      return store.write(work);
    },
  };
  const dead = await consume(dying);
  await dead.publish('purchases', [encodePurchases([purchase()])]);
  await until(() => writes > 2);
  const queue = await consume();
  await until(() => delivered.length === 1);
  expect(delivered).toMatchObject([{ redelivered: true }]);
  expect(decided).toEqual([]);
  await Promise.all([queue.close(), dead.close()]);
});

test('a listener that is busy has the rest wait in the queue', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  hear = () => promise;
  const queue = await consume();
  const messages = 40;
  for (let i = 0; i < messages; i++) {
    await queue.publish('purchases', [encodePurchases(Array.from({ length: 60 }, () => purchase()))]);
  }
  await until(() => decided.length >= 16);
  await new Promise((done) => setImmediate(done));
  // What was taken with the last commit that had room is decided, too.
  expect(decided.length).toBeLessThanOrEqual(17);
  resolve();
  await until(() => decided.length === messages);
  expect(count('messages')).toBe(0);
  await queue.close();
});

test('closing decides what was taken and leaves the rest in the queue', async () => {
  const queue = await consume();
  let closed: Promise<void> | undefined;
  hear = async () => {
    closed ??= queue.close();
  };
  const messages = Array.from({ length: 3 }, () =>
    encodePurchases(Array.from({ length: 60 }, () => purchase())),
  );
  await queue.publish('purchases', messages);
  await until(() => closed !== undefined);
  await closed;
  // The first was told of; the second had been taken with it.
  expect([decided.length, count('messages'), delivered.length]).toEqual([2, 1, 0]);
});
