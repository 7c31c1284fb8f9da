import { describe, expect, test } from 'bun:test';
import { readFlags, UsageError } from './flags.ts';

const FLAGS = {
  users: { kind: 'integer', min: 1, max: 1000, default: 100 },
  mode: { kind: 'choice', of: ['sync', 'async'], default: 'sync' },
  workload: { kind: 'list', of: ['noop', 'demo', 'drain'] },
  json: { kind: 'switch' },
} as const;

const problemOf = (...argv: string[]): string => {
  try {
    readFlags(argv, FLAGS);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  return 'none';
};

test('what is not given has its default, and a list is empty', () => {
  expect(readFlags([], FLAGS)).toEqual({
    users: 100,
    mode: 'sync',
    workload: [],
    json: false,
  });
});

test('values are read with a space or an equals sign', () => {
  expect(readFlags(['--users', '7', '--mode=async', '--workload', 'drain,noop', '--json'], FLAGS)).toEqual({
    users: 7,
    mode: 'async',
    workload: ['drain', 'noop'],
    json: true,
  });
});

test('every id that a server can give can be named', () => {
  const flags = { product: { kind: 'integer', min: 1, max: Number.MAX_SAFE_INTEGER, default: 1 } } as const;
  expect(readFlags(['--product', '9007199254740991'], flags).product).toBe(Number.MAX_SAFE_INTEGER);
  expect(() => readFlags(['--product', '9007199254740993'], flags)).toThrow('--product takes a whole number');
});

describe('a mistake is one line that says what is accepted', () => {
  test('an unknown flag', () => {
    const problem = problemOf('--user', '7');
    expect(problem).toStartWith('Unknown argument --user. Did you mean --users? Accepted: --users');
    expect(problem).not.toContain('\n');
  });

  test('a flag like none of ours', () => {
    expect(problemOf('--nonsense')).toStartWith('Unknown argument --nonsense. Accepted: --users');
  });

  test('a word that belongs to no flag', () => {
    expect(problemOf('sync')).toStartWith('Unknown argument sync. Accepted:');
  });

  test('a flag that every object has', () => {
    expect(problemOf('--constructor')).toStartWith('Unknown argument --constructor');
  });

  for (const value of ['0', '1001', '-1', '1.5', '1e2', 'many', '']) {
    test(`the number ${JSON.stringify(value)}`, () => {
      expect(problemOf(`--users=${value}`)).toBe('--users takes a whole number from 1 to 1000');
    });
  }

  test('a missing number', () => {
    expect(problemOf('--users')).toBe('--users takes a whole number from 1 to 1000');
  });

  test('a choice that is none', () => {
    expect(problemOf('--mode', 'both')).toBe('--mode takes one of sync, async');
  });

  test('a list with a stranger in it', () => {
    expect(problemOf('--workload', 'noop,dmeo')).toBe(
      '--workload takes some of noop,demo,drain, separated by commas; dmeo is none of them',
    );
    expect(problemOf('--workload', 'noop,')).toBe(
      '--workload takes some of noop,demo,drain, separated by commas',
    );
  });

  test('a value for a switch', () => {
    expect(problemOf('--json=yes')).toBe('--json takes no value');
  });
});
