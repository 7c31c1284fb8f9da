import { expect, test } from 'bun:test';
import { isAppError } from '../domain/errors.ts';
import { providerContract } from './provider.contract.ts';
import type { ChargeRequest } from './provider.ts';
import { openSimulator } from './simulator.ts';

const CUSTOMER_OF = {
  captured: 'anybody',
  declined: 'test_decline',
  late: 'test_late',
  lost: 'test_timeout',
} as const;

providerContract('the simulator', async () => {
  const provider = openSimulator({ latencyMs: 1, jitterMs: 1, timeoutMs: 10 });
  return {
    provider,
    request: (fate) => request({ customer: CUSTOMER_OF[fate] }),
    setOutage: provider.setOutage,
  };
});

test('nothing is declined by default', async () => {
  const simulator = openSimulator({ latencyMs: 0, jitterMs: 0 });
  const answers = await Promise.all(many(500).map((each) => simulator.charge(each)));
  expect(answers.every(({ type }) => type === 'captured')).toBe(true);
  await simulator.close();
});

test('the rates hold roughly, and the same seed draws the same fates', async () => {
  const first = await fates(7);
  expect(await fates(7)).toEqual(first);
  expect(await fates(8)).not.toEqual(first);

  const share = (fate: string) => first.filter((each) => each === fate).length / first.length;
  expect(share('declined')).toBeWithin(0.15, 0.25);
  expect(share('outcome_unknown')).toBeWithin(0.15, 0.25);
  expect(share('unavailable')).toBeWithin(0.15, 0.25);
});

test('of the charges without an answer some were captured and some not', async () => {
  const simulator = openSimulator({ latencyMs: 0, jitterMs: 0, timeoutMs: 1, timeoutRate: 1 });
  const requests = many(200);
  await Promise.allSettled(requests.map((each) => simulator.charge(each)));
  const states = new Set(requests.map(({ key }) => simulator.stateOf(key)));
  expect(states).toEqual(new Set(['captured', undefined]));
  await simulator.close();
});

test('an answer takes at least the latency', async () => {
  const simulator = openSimulator({ latencyMs: 30, jitterMs: 0 });
  const askedAtMs = performance.now();
  await simulator.charge(request());
  expect(performance.now() - askedAtMs).toBeGreaterThanOrEqual(30);
  await simulator.close();
});

test('ten thousand charges in flight share a timer and cost a few microseconds each', async () => {
  const simulator = openSimulator();
  const requests = many(10_000);
  const before = process.cpuUsage();
  await Promise.all(requests.map((each) => simulator.charge(each)));
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / requests.length).toBeLessThan(20);
  await simulator.close();
});

test('a closed simulator leaves no caller waiting', async () => {
  const simulator = openSimulator({ latencyMs: 60_000 });
  const charge = simulator.charge(request()).catch((reason) => reason);
  await simulator.close();
  expect(isAppError(await charge, 'outcome_unknown')).toBe(true);
});

let keys = 0;

function request(fields: Partial<ChargeRequest> = {}): ChargeRequest {
  const key = `order-${++keys}:1`;
  return { key, orderId: `order-${keys}`, amountMinor: 100, currency: 'USD', customer: null, ...fields };
}

function many(count: number): ChargeRequest[] {
  return Array.from({ length: count }, () => request());
}

/** How 1,000 charges end with this seed and a fifth of each fault. */
async function fates(seed: number): Promise<string[]> {
  const simulator = openSimulator({
    latencyMs: 0,
    jitterMs: 0,
    timeoutMs: 1,
    declineRate: 0.2,
    timeoutRate: 0.2,
    errorRate: 0.2,
    seed,
  });
  const ends = many(1_000).map((each) =>
    simulator.charge(each).then(
      ({ type }) => type,
      ({ code }) => code as string,
    ),
  );
  const ended = await Promise.all(ends);
  await simulator.close();
  return ended;
}
