import { expect, test } from 'bun:test';
import { ROOT_CONTEXT } from '@opentelemetry/api';
import { SamplingDecision, TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace';
import { seedOf } from '../../../tests/support/seed.ts';
import { randomFrom } from '../../lib/random.ts';
import { createSampler } from './sampler.ts';

const parent = (traceId: string, sampled: boolean) => ({
  traceId,
  spanId: '1'.repeat(16),
  state: '',
  sampled,
});

test('by the id of a trace the same ones are sampled as by the SDK of another service', () => {
  const random = randomFrom(seedOf(import.meta.path));
  const byte = () =>
    Math.floor(256 * random())
      .toString(16)
      .padStart(2, '0');
  for (const ratio of [0, 0.01, 0.3, 0.5, 1]) {
    const ours = createSampler({ parentBased: false, ratio });
    const theirs = new TraceIdRatioBasedSampler(ratio);
    for (let i = 0; i < 500; i++) {
      const traceId = Array.from({ length: 16 }, byte).join('');
      const isSampled =
        theirs.shouldSample(ROOT_CONTEXT, traceId).decision === SamplingDecision.RECORD_AND_SAMPLED;
      expect([ratio, traceId, ours(parent(traceId, i % 2 === 0))]).toEqual([ratio, traceId, isSampled]);
    }
  }
});

test("a caller's decision is followed where the sampler says so, whatever the share", () => {
  for (const ratio of [0, 1]) {
    const samples = createSampler({ parentBased: true, ratio });
    expect([samples(parent('f'.repeat(32), true)), samples(parent('1'.repeat(32), false))]).toEqual([
      true,
      false,
    ]);
    expect(samples(null)).toBe(ratio === 1);
  }
});
