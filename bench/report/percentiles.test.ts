import { expect, test } from 'bun:test';
import { between, latencyOverTime, percentilesOf } from './percentiles.ts';

test('percentiles are values that were measured, by the nearest rank', () => {
  const hundred = Float64Array.from({ length: 100 }, (_, i) => 100 - i);
  expect(percentilesOf(hundred)).toEqual({
    count: 100,
    p50: 50,
    p90: 90,
    p95: 95,
    p99: 99,
    p999: 100,
    max: 100,
  });
  expect(percentilesOf(Float64Array.of(7))).toMatchObject({ count: 1, p50: 7, p999: 7, max: 7 });
});

test('who was never answered is not timed, and without anybody there is no percentile', () => {
  const answered = between(Float64Array.of(10, 20, 30), Float64Array.of(15, Number.NaN, 31));
  expect(percentilesOf(answered)).toMatchObject({ count: 2, max: 5 });
  expect(percentilesOf(new Float64Array())).toMatchObject({ count: 0, p50: null, max: null });
});

test('latency over time is by the moment at which buyers meant to come', () => {
  const intended = Float64Array.of(0, 100, 249, 250, 900);
  const answer = Float64Array.of(1, 2, 3, 40, 5);
  expect(latencyOverTime(intended, answer, answer, 250)).toEqual([
    { atMs: 0, count: 3, answerP50: 2, answerP99: 3, outcomeP99: 3 },
    { atMs: 250, count: 1, answerP50: 40, answerP99: 40, outcomeP99: 40 },
    { atMs: 750, count: 1, answerP50: 5, answerP99: 5, outcomeP99: 5 },
  ]);
});
