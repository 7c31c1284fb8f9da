import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { queueContract } from '../../../tests/conformance/queue.contract.ts';
import { until } from '../../../tests/support/until.ts';
import { systemClock } from '../../domain/clock.ts';
import { AppError } from '../../domain/errors.ts';
import { openSqliteQueue } from './queue.ts';
import { openStore, type Store } from './store.ts';

queueContract('the SQLite queue', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pulsecart-queue-'));
  let store = openStore(folder);
  return {
    queue: openSqliteQueue(store, systemClock),
    readsAhead: false,
    async reopen() {
      store.close();
      store = openStore(folder);
      return openSqliteQueue(store, systemClock);
    },
    async close() {
      store.close();
      rmSync(folder, { recursive: true });
    },
  };
});

let folder: string;
let store: Store;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pulsecart-queue-'));
  store = openStore(folder);
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true });
});

/** The store, whose writes fail as long as `failing` is set, before or after they were kept. */
function fragile(): Store & { failing: 'no' | 'unavailable' | 'outcome_unknown'; failures: number } {
  const broken = {
    ...store,
    failing: 'no' as 'no' | 'unavailable' | 'outcome_unknown',
    failures: 0,
    write<T>(work: () => T): T {
      if (broken.failing === 'no') return store.write(work);
      broken.failures++;
      if (broken.failing === 'outcome_unknown') store.write(work);
      throw new AppError(broken.failing, 'broken for the test');
    },
  };
  return broken;
}

for (const failing of ['unavailable', 'outcome_unknown'] as const) {
  test(`a store that fails to acknowledge (${failing}) is asked again with pauses, and nothing is delivered twice`, async () => {
    const broken = fragile();
    const queue = openSqliteQueue(broken, systemClock);
    await queue.publish('purchases', [{ body: 'one', items: 1 }]);
    let calls = 0;
    await queue.consume('purchases', { maxItems: 1, concurrency: 1 }, async () => {
      calls++;
      broken.failing = failing;
    });
    await until(() => broken.failures >= 3);
    expect(broken.failures).toBeLessThan(10);

    broken.failing = 'no';
    const waiting = () => store.db.query('SELECT count(*) AS count FROM messages').get();
    await until(() => (waiting() as { count: number }).count === 0);
    await until(async () => (await queue.status())[0]!.unacknowledged === 0);
    expect((await queue.status())[0]).toMatchObject({ ready: 0, unacknowledged: 0 });
    expect(calls).toBe(1);
    await queue.close();
  });

  test(`a store that fails to take (${failing}) loses no message`, async () => {
    const broken = fragile();
    const queue = openSqliteQueue(broken, systemClock);
    const bodies = Array.from({ length: 10 }, (_, i) => String(i));
    await queue.publish(
      'purchases',
      bodies.map((body) => ({ body, items: 1 })),
    );
    broken.failing = failing;
    const got: string[] = [];
    await queue.consume('purchases', { maxItems: 3, concurrency: 2 }, async (deliveries) => {
      got.push(...deliveries.map(({ body }) => body));
    });
    await until(() => broken.failures >= 3);
    expect(got).toEqual([]);

    broken.failing = 'no';
    await until(async () => (await queue.status())[0]!.ready === 0 && got.length === 10);
    expect(got).toEqual(bodies);
    expect((await queue.status())[0]).toMatchObject({ ready: 0 });
    await queue.close();
  });
}

test('a message that becomes due just after a look for it is found by the next one', async () => {
  let nowMs = Date.now();
  // A second passes from one look at the clock to the next, and a returned message is due sooner.
  const queue = openSqliteQueue(store, () => {
    nowMs += 1_000;
    return nowMs;
  });
  await queue.publish('purchases', [{ body: 'stubborn', items: 1 }]);
  let tries = 0;
  await queue.consume('purchases', { maxItems: 1, concurrency: 1 }, async () => {
    if (++tries < 5) throw new Error('not yet');
  });
  await until(() => tries === 5);
  await queue.close();
});

test('messages whose commit nobody knows of are counted as they are', async () => {
  const broken = fragile();
  const queue = openSqliteQueue(broken, systemClock);
  broken.failing = 'outcome_unknown';
  await queue.publish('purchases', [{ body: 'one', items: 7 }]).catch(() => {});
  expect((await queue.status())[0]!.ready).toBe(7);
  broken.failing = 'no';
  await queue.publish('purchases', [{ body: 'two', items: 3 }]);
  expect((await queue.status())[0]!.ready).toBe(10);
  await queue.close();
});

test('a queue closes although its store has failed for good', async () => {
  const broken = fragile();
  const queue = openSqliteQueue(broken, systemClock);
  await queue.publish('purchases', [{ body: 'one', items: 1 }]);
  await queue.consume('purchases', { maxItems: 1, concurrency: 1 }, async () => {
    broken.failing = 'unavailable';
  });
  await until(() => broken.failures > 0);
  await queue.close();
});

test('a wall clock set back delays neither waiting nor new messages', async () => {
  let wallMs = 10_000_000;
  const queue = openSqliteQueue(store, () => wallMs);
  await queue.publish('purchases', [{ body: 'before', items: 1 }]);
  wallMs -= 3_600_000;
  const reopened = openSqliteQueue(store, () => wallMs);
  await reopened.publish('purchases', [{ body: 'after', items: 1 }]);
  const got: string[] = [];
  await reopened.consume('purchases', { maxItems: 1, concurrency: 1 }, async ([delivery]) => {
    got.push(delivery!.body);
  });
  await until(() => got.length === 2);
  expect(got).toEqual(['before', 'after']);
  await reopened.close();
});

test('a message published while its forerunner of the same millisecond is handled is not overlooked', async () => {
  const queue = openSqliteQueue(store, () => 1_000);
  const got: string[] = [];
  await queue.consume('purchases', { maxItems: 1, concurrency: 1 }, async ([delivery]) => {
    got.push(delivery!.body);
  });
  for (const body of ['a', 'b', 'c']) {
    await queue.publish('purchases', [{ body, items: 1 }]);
    await until(async () => got.at(-1) === body && (await queue.status())[0]!.unacknowledged === 0);
  }
  await queue.close();
});

test('the event loop goes on while a long queue is drained', async () => {
  const queue = openSqliteQueue(store, systemClock);
  const messages = Array.from({ length: 5_000 }, (_, i) => ({ body: String(i), items: 1 }));
  await queue.publish('purchases', messages);
  let drained = 0;
  let turns = 0;
  await queue.consume('purchases', { maxItems: 100, concurrency: 1 }, async (deliveries) => {
    drained += deliveries.length;
  });
  while (drained < messages.length) {
    await new Promise((resolve) => setImmediate(resolve));
    turns++;
  }
  // One for each of the fifty batches, whatever time the machine has.
  expect(turns).toBeGreaterThanOrEqual(50);
  await queue.close();
});

test('a round costs one transaction: acknowledging the last batch and taking the next', async () => {
  let writes = 0;
  const counting: Store = {
    ...store,
    write<T>(work: () => T): T {
      writes++;
      return store.write(work);
    },
  };
  const queue = openSqliteQueue(counting, systemClock);
  await queue.publish(
    'purchases',
    Array.from({ length: 100 }, (_, i) => ({ body: String(i), items: 10 })),
  );
  writes = 0;
  let handled = 0;
  await queue.consume('purchases', { maxItems: 100, concurrency: 1 }, async (deliveries) => {
    handled += deliveries.length;
  });
  await until(async () => handled === 100 && (await queue.status())[0]!.unacknowledged === 0);
  expect(writes).toBeLessThanOrEqual(12);
  await queue.close();
});
