import { expect, test } from 'bun:test';
import { planArrivals } from './arrivals.ts';
import { OPEN_PROFILES, openProfile } from './profiles.ts';
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

test('a profile bends the times, and leaves the length and the mean rate', () => {
  const profile = openProfile('flash-crowd');
  const { atMs } = planArrivals({ ...PLAN, profile });
  expect([...atMs]).toEqual([...atMs].toSorted((a, b) => a - b));
  expect(atMs.at(-1)! / 2000).toBeWithin(0.9, 1.001);
  // The area under its first points, of its whole area: by hand from profiles.json.
  const whole = 0.6 + 0.8 + 0.875 + 0.65 + 0.63;
  const cameBy = (share: number) => atMs.filter((at) => at <= share * 2000).length / PLAN.users;
  expect(cameBy(0.01)).toBeWithin(0.6 / whole - 0.02, 0.6 / whole + 0.02);
  expect(cameBy(0.1)).toBeWithin(2.275 / whole - 0.02, 2.275 / whole + 0.02);
});

test('every open profile is one: its points go from 0 to 1, and somebody comes', () => {
  for (const name of OPEN_PROFILES) {
    const { arrivals, seconds } = openProfile(name);
    expect([arrivals[0]![0], arrivals.at(-1)![0]]).toEqual([0, 1]);
    expect(arrivals.map(([at]) => at)).toEqual(arrivals.map(([at]) => at).toSorted((a, b) => a - b));
    expect(Math.min(...arrivals.map(([, rate]) => rate))).toBeGreaterThanOrEqual(0);
    expect(seconds).toBeGreaterThan(0);
    const { atMs } = planArrivals({ ...PLAN, profile: openProfile(name) });
    expect(atMs.every((at) => at >= 0 && at <= 2000)).toBe(true);
  }
});

test('as many buyers as the profile says send their purchase twice, at the same times as without', () => {
  const twice = planArrivals({ ...PLAN, profile: openProfile('retry-happy') });
  const once = planArrivals({ ...PLAN, profile: openProfile('flash-crowd') });
  expect(twice.atMs).toEqual(once.atMs);
  expect(twice.repeats.reduce((sum, one) => sum + one, 0)).toBeWithin(3100, 3500);
  expect(once.repeats.some((one) => one === 1)).toBe(false);
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

test('a buyer with a key has another one than all others, and the same one again', () => {
  const target = targetOf('http://127.0.0.1:8080');
  const asked = { path: '/buy', productId: 3, quantity: 2, seed: 42, keyPrefix: 'crowd' };
  const request = purchaseRequest(target, asked);
  const textOf = (buyer: number) => Buffer.from(request(buyer)).toString();
  expect(textOf(12_345_678)).toContain('\r\nIdempotency-Key: crowd-12345678\r\n\r\n{');
  expect(textOf(7)).toContain('\r\nIdempotency-Key: crowd-00000007\r\n\r\n{');
  expect(textOf(7)).toContain(customerOf(42, 7));
});
