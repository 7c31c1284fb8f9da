import { expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../support/command.ts';
import { readDocument } from './documents.ts';

/** SECURITY.md: what somebody may try, and the tests that do. */

interface Row {
  readonly who: string;
  readonly guards: string;
  /** Each names a test by words of its name, and leads to its file. */
  readonly tests: readonly (readonly [words: string, file: string])[];
}

const [, table = ''] = /^\| somebody \|.*\n\|---.*\n((?:\|.*\n)+)/m.exec(readDocument('SECURITY.md')) ?? [];
const rows = table
  .trim()
  .split('\n')
  .map((line): Row => {
    const [, who = '', guards = '', tests = ''] = line.split('|').map((cell) => cell.trim());
    const links = [...tests.matchAll(/\[([^\]]+)\]\(([^)]+)\)/g)];
    return { who, guards, tests: links.map(([, words, file]) => [words!, file!] as const) };
  });

test('has a table of threats', () => {
  expect(rows.length).toBeGreaterThan(20);
});

test.each(rows)('whoever $who meets a guard, and a test that tries it', ({ guards, tests }) => {
  expect(guards.length).toBeGreaterThan(20);
  expect(tests.length).toBeGreaterThan(0);
  for (const [words, file] of tests) {
    expect([file, existsSync(join(ROOT, file))]).toEqual([file, true]);
    expect(file).toMatch(/\.(test|contract)\.tsx?$/);
    const names = testNames(readDocument(file));
    expect([file, words, names.some((name) => name.includes(words))]).toEqual([file, words, true]);
  }
});

/** A test's name is the text before its function. */
function testNames(source: string): string[] {
  const calls = source.matchAll(/(['"`])((?:\\.|(?!\1)[^\\])*?)\1,\s*(?:async )?\(/g);
  return [...calls].map(([, , name]) => name!.replace(/\\(['"`])/g, '$1'));
}
