import { expect, test } from 'bun:test';
import { readDocument } from './documents.ts';
import { examplesIn } from './examples.ts';
import { walkThrough } from './walk.ts';

const tutorial = readDocument('docs/tutorial/first-sale.md');

walkThrough('the tutorial', tutorial);

test('P6 the tutorial has data deleted by the command that refuses under a running server, and by nothing else', () => {
  expect(tutorial).toContain('npm run reset');
  expect(tutorial).not.toMatch(/\brm\b/);
});

test('the tutorial shows a sale from its product to its audit', () => {
  const commands = examplesIn(tutorial)
    .map(({ command }) => command)
    .join('\n');
  for (const part of [
    'products',
    'sync/',
    'async/',
    'cancel',
    'refund',
    'ops/log',
    'dead-letters',
    'audit',
    'rush',
  ]) {
    expect(commands).toContain(part);
  }
});
