import { expect, test } from 'bun:test';
import { keptLog } from '../../../tests/support/kept-log.ts';
import { until } from '../../../tests/support/until.ts';
import { AppError } from '../../domain/errors.ts';
import { type CallResult, createLeasedWork, type LeasedWorkOptions } from './leased-work.ts';
import { OUTAGE_ORDERS } from './outage.ts';

type Answer = CallResult<{ readonly orderId: string }>;

/** Work on rows that are order ids; by default each is answered and settled at once. */
function scene(options: Partial<LeasedWorkOptions<string, { readonly orderId: string }>> = {}) {
  const asked: string[] = [];
  const settled: string[] = [];
  const troubles: string[] = [];
  const stopping = new AbortController();
  const deadline = new AbortController();
  const work = createLeasedWork<string, { readonly orderId: string }>({
    name: 'charge',
    inFlightMax: 100,
    probesMax: 2,
    ask: (orderId) => Promise.resolve(answered(orderId)),
    settle: (results) => Promise.resolve(void settled.push(...results.map(({ orderId }) => orderId))),
    log: keptLog(troubles),
    stopping: stopping.signal,
    deadline: deadline.signal,
    ...options,
  });
  /** Has these rows leased as far as there are places; resolves to the others. */
  async function begin(rows: readonly string[]): Promise<readonly string[]> {
    let rest = rows;
    await work.begin(rows.length, async (places) => {
      rest = rows.slice(places);
      asked.push(...rows.slice(0, places));
      return rows.slice(0, places);
    });
    return rest;
  }
  return { work, begin, asked, settled, troubles, stopping, deadline };
}

function answered(orderId: string): Answer {
  return { orderId, isAnswer: true, result: { orderId } };
}

function orders(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `order-${i}`);
}

test('no more rows are in flight than may be, and a slow one holds up none that comes after it', async () => {
  const slow = Promise.withResolvers<Answer>();
  const { work, begin, settled } = scene({
    inFlightMax: 2,
    ask: async (orderId) => (orderId === 'slow' ? slow.promise : answered(orderId)),
  });
  expect(await begin(['slow', 'a', 'b'])).toEqual(['b']);
  expect(work.inFlight()).toBe(2);
  expect(await begin(['b', 'c'])).toEqual(['c']);
  await begin(['c']);
  await until(() => settled.length === 3);
  expect(settled).toEqual(['a', 'b', 'c']);

  slow.resolve(answered('slow'));
  await work.drained();
  expect(settled.at(-1)).toBe('slow');
});

test('results that the ledger cannot take are kept until it can, and keep their places', async () => {
  let refusals = 0;
  const { work, begin, asked, troubles } = scene({
    settle: () =>
      ++refusals <= 2 ? Promise.reject(new AppError('unavailable', 'disk full')) : Promise.resolve(),
  });
  await begin(orders(3));
  await until(() => refusals === 1);
  expect(work.inFlight()).toBe(3);
  await work.drained();
  expect(refusals).toBe(3);
  expect(asked).toHaveLength(3);
  expect(troubles).toEqual(['3 charges not recorded yet', '3 charges not recorded yet']);
});

test('a result that cannot be settled for a bug is given up, and its neighbours are settled', async () => {
  const settled: string[] = [];
  const { work, begin, troubles } = scene({
    async settle(results) {
      if (results.some(({ orderId }) => orderId === 'order-1')) throw new Error('a broken row');
      settled.push(...results.map(({ orderId }) => orderId));
    },
  });
  await begin(orders(3));
  await work.drained();
  expect(settled).toEqual(['order-0', 'order-2']);
  expect(troubles).toEqual(['charge of order order-1 not recorded']);
});

test('while no order is answered only a few are asked for at once; one answer ends that', async () => {
  let isAway = true;
  const { work, begin, asked } = scene({
    ask: async (orderId) => (isAway ? { orderId, isAnswer: false, result: null } : answered(orderId)),
  });
  await begin(orders(OUTAGE_ORDERS));
  await work.drained();
  expect(await begin(orders(50))).toHaveLength(48);
  await work.drained();
  isAway = false;
  expect(await begin(orders(50))).toHaveLength(48);
  await work.drained();
  expect(await begin(orders(50))).toEqual([]);
  expect(asked).toHaveLength(OUTAGE_ORDERS + 2 + 2 + 50);
});

test('an outage lets no more rows be in flight than may be at other times', async () => {
  const { work, begin, asked } = scene({
    inFlightMax: 2,
    probesMax: 100,
    ask: (orderId) =>
      asked.length > OUTAGE_ORDERS
        ? new Promise(() => {})
        : Promise.resolve({ orderId, isAnswer: false, result: null }),
  });
  for (let rest: readonly string[] = orders(OUTAGE_ORDERS); rest.length > 0; ) rest = await begin(rest);
  await work.drained();
  expect(await begin(orders(50))).toHaveLength(48);
  expect(work.inFlight()).toBe(2);
});

test('a lease that fails rejects, and takes no place', async () => {
  const { work } = scene();
  const failed = work.begin(3, () => Promise.reject(new AppError('unavailable', 'for the test')));
  await expect(failed).rejects.toThrow('for the test');
  expect(work.inFlight()).toBe(0);
});

test('nothing is leased once the server stops, and what is under way is waited for until the deadline', async () => {
  const { work, begin, asked, stopping, deadline } = scene({
    inFlightMax: 1,
    ask: () => new Promise(() => {}),
  });
  await begin(['silent']);
  const waiting = begin(['late']);
  stopping.abort();
  await expect(waiting).rejects.toThrow('stopping');
  expect(asked).toEqual(['silent']);

  const drained = work.drained();
  deadline.abort();
  await drained;
  expect(work.inFlight()).toBe(1);
});
