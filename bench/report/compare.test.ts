import { expect, test } from 'bun:test';
import { madeUpReport } from '../../tests/support/report-data.ts';
import { compareReports, comparisonText } from './compare.ts';

const before = madeUpReport({ sync: [1, 1.1, 1.2] });

function p99(after: ReturnType<typeof madeUpReport>) {
  return compareReports(before, after).rows.find(({ name }) => name === 'sync: outcome p99')!;
}

test('two reports are compared by the ranges of their repeats', () => {
  expect(p99(madeUpReport({ sync: [2, 2.1, 2.2] })).verdict).toBe('worse');
  expect(p99(madeUpReport({ sync: [0.5, 0.6, 0.7] })).verdict).toBe('better');
  expect(p99(madeUpReport({ sync: [1.15, 2.1, 2.2] })).verdict).toBe('no difference shown');
  expect(p99(madeUpReport({ sync: [2, 2.1] })).verdict).toBe('no difference shown');
  expect(p99(before)).toMatchObject({ ratio: 1, verdict: 'no difference shown', a: { count: 3 } });
});

test('the text shows both with their spread, and warns of what makes them hard to compare', () => {
  const after = madeUpReport(
    { sync: [2, 2.1, 2.2] },
    { partial: true, machine: { ...before.machine, cores: 8 } },
  );
  const text = comparisonText(compareReports(before, after), ['before', 'after']);
  expect(text).toContain('Warning: the two differ in machine');
  expect(text).toContain('Warning: B was interrupted');
  expect(text).toMatch(/sync: outcome p99 +109 ms \(99 to 119\) +208 ms \(198 to 218\) +× 1\.91 +worse/);
});
