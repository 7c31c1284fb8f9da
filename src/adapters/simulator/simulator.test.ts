import { expect, test } from 'bun:test';
import { providerContract } from '../../../tests/conformance/provider.contract.ts';
import { until } from '../../../tests/support/until.ts';
import { isAppError } from '../../domain/errors.ts';
import type { CaptureNotice, ChargeRequest, RefundRequest } from '../../ports/provider.ts';
import { openSimulator } from './simulator.ts';

const CUSTOMER_OF = {
  captured: 'anybody',
  declined: 'test_decline',
  late: 'test_late',
  lost: 'test_timeout',
  told: 'test_twice',
  too_late: 'test_too_late',
} as const;

providerContract('the simulator', async () => {
  const provider = openSimulator({ latencyMs: 1, jitterMs: 1, timeoutMs: 10, tooLateMs: 10 });
  return {
    provider,
    request: (outcome) => request({ customer: CUSTOMER_OF[outcome] }),
    setOutage: provider.setOutage,
  };
});

test('nothing is declined by default', async () => {
  const simulator = openSimulator({ latencyMs: 0, jitterMs: 0 });
  const answers = await Promise.all(many(500).map((each) => simulator.charge(each)));
  expect(answers.every(({ type }) => type === 'captured')).toBe(true);
  await simulator.close();
});

test('the rates hold roughly, and the same seed draws the same outcomes', async () => {
  const first = await outcomes(7);
  expect(await outcomes(7)).toEqual(first);
  expect(await outcomes(8)).not.toEqual(first);

  const share = (outcome: string) => first.filter((each) => each === outcome).length / first.length;
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

test('the company keeps what it captured less what it gave back, whatever was asked twice or told twice', async () => {
  const simulator = openSimulator({
    latencyMs: 0,
    jitterMs: 0,
    timeoutMs: 1,
    tooLateMs: 1,
    declineRate: 0.1,
    timeoutRate: 0.2,
    errorRate: 0.1,
    duplicateRate: 0.1,
  });
  const tooLate = request({ customer: 'test_too_late' });
  const requests = [...many(300), tooLate];
  await Promise.allSettled([...requests, ...requests].map((each) => simulator.charge(each)));
  await simulator.cancel(tooLate);
  await until(() => simulator.stateOf(tooLate.key) === 'captured');

  const captured = requests.filter(({ key }) => simulator.stateOf(key) === 'captured');
  expect(captured.length).toBeWithin(100, 300);
  expect(simulator.money('USD')).toEqual({ capturedMinor: 100 * captured.length, refundedMinor: 0 });

  const back = captured.slice(0, 50);
  while (back.some(({ key }) => simulator.stateOf(key) !== 'refunded')) {
    await Promise.allSettled([...back, ...back].map((each) => simulator.refund(refundOf(each))));
  }
  expect(simulator.money('USD')).toEqual({ capturedMinor: 100 * captured.length, refundedMinor: 100 * 50 });
  expect(simulator.money('EUR')).toEqual({ capturedMinor: 0, refundedMinor: 0 });
  await simulator.close();
});

test('a capture that was given back under one key is not given back under another, nor is one that never was', async () => {
  const simulator = openSimulator({ latencyMs: 0, jitterMs: 0 });
  const charged = request();
  await simulator.charge(charged);
  await simulator.refund(refundOf(charged));
  const other = simulator.refund({ ...refundOf(charged), key: 'another' }).catch((reason) => reason);
  expect(isAppError(await other, 'invalid_request')).toBe(true);

  const cancelled = request();
  await simulator.cancel(cancelled);
  const never = simulator.refund(refundOf(cancelled)).catch((reason) => reason);
  expect(isAppError(await never, 'invalid_request')).toBe(true);
  expect(simulator.money('USD')).toEqual({ capturedMinor: 100, refundedMinor: 100 });
  await simulator.close();
});

test('a capture of an earlier process can be given back', async () => {
  const simulator = openSimulator({ latencyMs: 0, jitterMs: 0 });
  expect((await simulator.refund(refundOf(request()))).type).toBe('refunded');
  expect(simulator.money('USD')).toEqual({ capturedMinor: 100, refundedMinor: 100 });
  await simulator.close();
});

test('the refunds of test_refund_fails fail surely, then unheard, and are carried out once', async () => {
  const simulator = openSimulator({ latencyMs: 0, jitterMs: 0, timeoutMs: 1 });
  const charged = request({ customer: 'test_refund_fails' });
  await simulator.charge(charged);
  const asks = [];
  for (let i = 0; i < 3; i++) {
    asks.push(
      await simulator.refund(refundOf(charged)).then(
        ({ type }) => type,
        ({ code }) => code,
      ),
    );
  }
  expect(asks).toEqual(['unavailable', 'outcome_unknown', 'refunded']);
  expect(simulator.money('USD').refundedMinor).toBe(100);
  await simulator.close();
});

test('an outage lasts for its share of every minute', async () => {
  let atMs = 0;
  const simulator = openSimulator({ latencyMs: 0, jitterMs: 0, outageRate: 0.25, now: () => atMs });
  const reached = async (ms: number) => {
    atMs = ms;
    return simulator.charge(request()).then(
      () => true,
      () => false,
    );
  };
  expect([await reached(0), await reached(14_999), await reached(15_000)]).toEqual([false, false, true]);
  expect([await reached(59_999), await reached(60_000)]).toEqual([true, false]);
  await simulator.close();
});

test('a listener that is gone is told nothing, and its successor what it missed', async () => {
  const simulator = openSimulator({ latencyMs: 0, jitterMs: 0 });
  const [first, second]: CaptureNotice[][] = [[], []];
  const stop = simulator.onCapture(async (capture) => void first!.push(capture));
  stop();
  const charged = request({ customer: 'test_twice' });
  await simulator.charge(charged);
  simulator.onCapture(async (capture) => void second!.push(capture));
  await until(() => second!.length === 2);
  expect(second!.map(({ key }) => key)).toEqual([charged.key, charged.key]);
  expect(first).toEqual([]);
  await simulator.close();
});

let keys = 0;

function request(fields: Partial<ChargeRequest> = {}): ChargeRequest {
  const key = `order-${++keys}:1`;
  return { key, orderId: `order-${keys}`, amountMinor: 100, currency: 'USD', customer: null, ...fields };
}

function refundOf({ key, orderId, amountMinor, currency }: ChargeRequest): RefundRequest {
  const providerId = `sim_${key}`;
  return { key: `${key}:refund`, chargeKey: key, providerId, orderId, amountMinor, currency };
}

function many(count: number): ChargeRequest[] {
  return Array.from({ length: count }, () => request());
}

/** How 1,000 charges end with this seed and a fifth of each fault. */
async function outcomes(seed: number): Promise<string[]> {
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
