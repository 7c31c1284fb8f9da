import { expect, test } from 'bun:test';
import { generatorWarning } from './generator-limits.ts';

test('a generator with time to spare is not mentioned', () => {
  expect(generatorWarning({ cpuGeneratorPct: 90, latenessP99Ms: 10 })).toBeNull();
  expect(generatorWarning({ cpuGeneratorPct: null })).toBeNull();
});

test('a generator that was the bottleneck is named, with the reason', () => {
  expect(generatorWarning({ cpuGeneratorPct: 97 })).toBe(
    'the generator was the bottleneck: it used 97 % of a core',
  );
  expect(generatorWarning({ cpuGeneratorPct: 97, latenessP99Ms: 31.5 })).toBe(
    'the generator was the bottleneck: it used 97 % of a core, and a hundredth of its requests were more than 31.5 ms late',
  );
});
