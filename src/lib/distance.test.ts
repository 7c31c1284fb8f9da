import { expect, test } from 'bun:test';
import { nearestOf } from './distance.ts';

const COMMANDS = ['serve', 'rush', 'reset', 'report', 'demo'];

test('a slip of the fingers is understood, and another word is not', () => {
  expect(nearestOf('rusj', COMMANDS)).toBe('rush');
  expect(nearestOf('sevre', COMMANDS)).toBe('serve');
  expect(nearestOf('repotr', COMMANDS)).toBe('report');
  expect(nearestOf('nonsense', COMMANDS)).toBeNull();
  expect(nearestOf('', COMMANDS)).toBeNull();
});

test('the beginning of a word is as good as one letter', () => {
  expect(nearestOf('rep', COMMANDS)).toBe('report');
  expect(nearestOf('de', COMMANDS)).toBe('demo');
});
