import { expect, test } from 'bun:test';
import { causeGroup } from './causes.ts';

const CAUSES: readonly (readonly [group: string, ...causes: string[]])[] = [
  [
    'no free slot for order <id>',
    'no free slot for order 01a2040e-e549-70c2-8a78-490084e26084',
    'no free slot for order 01A2040E-E5B5-70CC-A15C-23E21A9336A6',
  ],
  [
    'value "<n>" is out of range for type integer',
    'value "9007199254740991" is out of range for type integer',
    'value "-2147483649" is out of range for type integer',
  ],
  [
    'unreadable message',
    'unreadable message: JSON Parse error: Unexpected identifier "garbage"',
    'unreadable message: not a purchase',
  ],
  ['gave no outcome in <n> attempts', 'gave no outcome in 5 attempts'],
  ['CHECK constraint failed: quantity >= <n>', 'CHECK constraint failed: quantity >= 1'],
  ['type int4 of x86 is not a number', 'type int4 of x86 is not a number'],
];

test('causes that differ in ids, numbers or bodies are one group', () => {
  for (const [group, ...causes] of CAUSES) {
    expect(causes.map(causeGroup)).toEqual(causes.map(() => group));
  }
});

test('the group of a group is itself, also of a long one', () => {
  for (const cause of [...CAUSES.flat(), `long ${'cause 7 '.repeat(100)}`]) {
    expect(causeGroup(causeGroup(cause))).toBe(causeGroup(cause));
  }
});
