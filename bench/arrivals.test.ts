import { expect, test } from 'bun:test';
import { planArrivals } from './arrivals.ts';
import { customerOf, purchaseRequest, targetOf } from './requests.ts';

const PLAN = { users: 10_000, ratePerS: 5000, mode: 'both', seed: 42 } as const;

test('the same seed gives the same crowd, another seed another', () => {
  expect(planArrivals(PLAN)).toEqual(planArrivals(PLAN));
  expect(planArrivals({ ...PLAN, seed: 43 }).atMs).not.toEqual(planArrivals(PLAN).atMs);
});

test('buyers come at the rate asked for, in order, from the very start', () => {
  const { atMs } = planArrivals(PLAN);
  expect(atMs[0]).toBe(0);
  expect([...atMs]).toEqual([...atMs].toSorted((a, b) => a - b));
  // 10,000 exponential gaps: the standard deviation of their sum is one percent of it.
  expect(atMs.at(-1)! / 2000).toBeWithin(0.95, 1.05);
});

test('gaps are those of independent buyers: about 1/e of them is longer than the mean', () => {
  const { atMs } = planArrivals(PLAN);
  const long = atMs.filter((at, buyer) => buyer > 0 && at - atMs[buyer - 1]! > 0.2).length;
  expect(long / PLAN.users).toBeWithin(0.34, 0.4);
});

test('the mode decides the way each buyer takes, and nothing else', () => {
  const asyncOf = (mode: 'sync' | 'async' | 'both') =>
    planArrivals({ ...PLAN, mode }).isAsync.reduce((sum, isAsync) => sum + isAsync, 0);
  expect(asyncOf('sync')).toBe(0);
  expect(asyncOf('async')).toBe(10_000);
  expect(asyncOf('both')).toBeWithin(4800, 5200);
  expect(planArrivals({ ...PLAN, mode: 'sync' }).atMs).toEqual(planArrivals(PLAN).atMs);
});

test('each buyer sends a well-formed purchase of their own', () => {
  const target = targetOf('http://127.0.0.1:8080');
  const request = purchaseRequest(target, { path: '/buy', productId: 3, quantity: 2, seed: 42 });
  const seen = new Set<string>();
  for (const buyer of [0, 1, 9, 10, 12_345_678, 99_999_999]) {
    const [head, body] = Buffer.from(request(buyer)).toString().split('\r\n\r\n') as [string, string];
    expect(head).toStartWith('POST /buy HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n');
    expect(head).toContain(`Content-Length: ${body.length}`);
    expect(JSON.parse(body)).toEqual({ productId: 3, quantity: 2, userId: customerOf(42, buyer) });
    seen.add(body);
  }
  expect(seen.size).toBe(6);
});
