import { expect, test } from 'bun:test';
import { durationMs, plannedVus, readScenarios } from './executors.ts';
import { Metrics } from './metrics.ts';
import { readThresholds } from './thresholds.ts';

/** Where the stand-in for k6 has to count as k6 does. */

test('percentiles lie on the line between the two values around them', () => {
  const trend = new Metrics().define('latency', 'trend', 'time');
  for (const value of [40, 10, 30, 20]) trend.add(value, {});
  const stats = ['avg', 'min', 'med', 'max', 'p(90)', 'p(100)', 'count'];
  expect(trend.sink.values(stats, 0)).toEqual({
    avg: 25,
    min: 10,
    med: 25,
    max: 40,
    'p(90)': 37,
    'p(100)': 40,
    count: 4,
  });
});

test('users follow the stages: on a line to each target, and at once where a stage takes no time', () => {
  const [ramp, jump] = readScenarios({
    ramp: {
      executor: 'ramping-vus',
      startVUs: 0,
      stages: [
        { duration: '1s', target: 100 },
        { duration: '0s', target: 50 },
        { duration: '1m0.5s', target: 50 },
      ],
    },
    jump: { executor: 'constant-vus', vus: 7, duration: '500ms', startTime: '2m' },
  });
  const planned = [0, 500, 999, 1_000, 61_499, 61_500].map((ms) => plannedVus(ramp!, ms));
  expect(planned).toEqual([0, 50, 100, 50, 50, null]);
  expect([0, 499, 500].map((ms) => plannedVus(jump!, ms))).toEqual([7, 7, null]);
  expect(jump).toMatchObject({ startMs: 120_000, gracefulStopMs: 30_000, exec: 'default' });
  expect(() => readScenarios({ open: { executor: 'constant-arrival-rate' } })).toThrow(
    'no executor "constant-arrival',
  );
  expect(() => durationMs('soon')).toThrow('invalid duration "soon"');
});

test('a threshold on tags counts the samples that have all of them', () => {
  const metrics = new Metrics();
  const requests = metrics.define('requests', 'counter');
  const valid = metrics.define('valid', 'rate');
  const thresholds = readThresholds(
    { 'requests{name:buy,way:sync}': ['count==1', 'count<1'], valid: ['rate>0.5'], requests: ['rate<=2'] },
    metrics,
  );
  requests.add(1, { name: 'buy', way: 'sync', more: 'x' });
  requests.add(1, { name: 'buy', way: 'async' });
  const holding = () => thresholds.map(({ expression, holds }) => [expression, holds(1_000)]);
  // A rate without a sample crosses nothing.
  expect(holding()).toEqual([
    ['count==1', true],
    ['count<1', false],
    ['rate>0.5', true],
    ['rate<=2', true],
  ]);
  valid.add(0, {});
  expect(holding()[2]).toEqual(['rate>0.5', false]);
});

test('thresholds that k6 would not start with are refused', () => {
  const metrics = new Metrics();
  metrics.define('requests', 'counter');
  expect(() => readThresholds({ requests: ['p(95)<5'] }, metrics)).toThrow(
    'failed parsing threshold expression',
  );
  expect(() => readThresholds({ requests: ['count < many'] }, metrics)).toThrow('failed parsing');
  expect(() => readThresholds({ replies: ['count<5'] }, metrics)).toThrow('no metric name "replies" found');
});
