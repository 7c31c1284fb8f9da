import { expect, test } from 'bun:test';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../../tests/support/folder.ts';
import { until } from '../../tests/support/until.ts';
import { digestOf, openNamedOperators, readOperatorsFile } from './named-operators.ts';

const ADA = { name: 'ada', role: 'admin', token: 'token-of-ada-for-tests' };

/** What is said of a file with this text. */
function refusalOf(text: string): string {
  using folder = temporaryFolder();
  const path = join(folder.path, 'operators.json');
  writeFileSync(path, text);
  try {
    readOperatorsFile(path);
    return 'taken';
  } catch (error) {
    return (error as Error).message.replace(path, 'FILE');
  }
}

const BAD: [why: string, entry: unknown, says: string][] = [
  ['is a text', 'ada', 'entry 2 is no object'],
  ['is a list', [], 'entry 2 is no object'],
  ['has no name', { role: 'admin', token: ADA.token }, 'entry 2 needs a name'],
  ['has the name of the service', { ...ADA, name: 'System' }, 'entry 2 needs a name'],
  ['has a long name', { ...ADA, name: 'x'.repeat(65) }, 'entry 2 needs a name'],
  ['has a field too many', { ...ADA, name: 'b', note: 1 }, 'entry 2 (b) has a field "note"'],
  [
    'has a role that is none',
    { ...ADA, name: 'b', role: 'Admin' },
    'entry 2 (b) needs a role: viewer, operator, admin',
  ],
  ['has no token', { name: 'b', role: 'admin' }, 'entry 2 (b) needs either tokenSha256 or token'],
  [
    'has both',
    { ...ADA, name: 'b', tokenSha256: digestOf('x') },
    'entry 2 (b) needs either tokenSha256 or token',
  ],
  [
    'has a short token',
    { ...ADA, name: 'b', token: 'x'.repeat(15) },
    'token must have 16 to 1000 characters',
  ],
  [
    'has a token that is known',
    { ...ADA, name: 'b', token: 'change-me-change-me' },
    'token is too easy to guess',
  ],
  [
    'has a token like a JWT',
    { ...ADA, name: 'b', token: 'aaaabbbbcc.ddddeeee.ffff' },
    'must not look like a JWT',
  ],
  ['has a token with a space', { ...ADA, name: 'b', token: 'token of ada for tests' }, 'visible ASCII'],
  [
    'has half a digest',
    { name: 'b', role: 'admin', tokenSha256: 'abc' },
    'tokenSha256 must be 64 hexadecimal',
  ],
  [
    'has too many',
    { name: 'b', role: 'admin', tokenSha256: ['a', 'b', 'c', 'd'].map(digestOf) },
    'a list of up to 3',
  ],
  ['has none', { name: 'b', role: 'admin', tokenSha256: [] }, 'a list of up to 3'],
  ['has the name of another', { ...ADA, token: 'another-token-of-ada' }, 'entry 2 has the name ada'],
  ['has the token of another', { ...ADA, name: 'b' }, 'entry 2 (b) has the token of one before it'],
  [
    'has its digest',
    { name: 'b', role: 'admin', tokenSha256: digestOf(ADA.token) },
    'has the token of one before',
  ],
];

test.each(BAD)('an entry that %s is refused by its number', (_why, entry, says) => {
  const refusal = refusalOf(JSON.stringify([ADA, entry]));
  expect(refusal).toStartWith('PULSECART_OPERATORS_FILE FILE is not taken: entry 2 ');
  expect(refusal).toContain(says);
  expect(refusal).not.toContain(ADA.token);
});

test('a file that is no list, or too long, is refused', () => {
  for (const [text, says] of [
    ['', 'is no JSON'],
    ['{}', 'must be a list'],
    ['[]', 'names no operator'],
    [JSON.stringify(Array(1_001).fill(ADA)), 'has 1001 operators, and 1000 are the most'],
    [' '.repeat(600_000), 'has 600000 bytes'],
  ] as const) {
    expect(refusalOf(text)).toContain(says);
  }
  expect(refusalOf(JSON.stringify(Array(30).fill(1)))).toEndWith('entry 20 is no object; and 10 more.');
  expect(refusalOf(JSON.stringify([ADA]))).toBe('taken');
});

test('a list is read again when its file changes, comes back or goes, and one with mistakes is not', async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, 'operators.json');
  const said: string[] = [];
  const log = {
    info: (_: unknown, text: string) => said.push(text),
    warn: (text: string) => said.push(text),
  };
  writeFileSync(path, JSON.stringify([ADA]));
  const operators = openNamedOperators(path, log as never, 5);
  expect(operators.find(ADA.token)).toEqual({ name: 'ada', role: 'admin' });
  const digests = ['first-of-otto', 'second-of-otto'].map(digestOf);
  writeFileSync(path, JSON.stringify([{ name: 'otto', role: 'viewer', tokenSha256: digests }]));
  await until(() => operators.find('second-of-otto') !== null);
  expect(operators.find('first-of-otto')).toEqual({ name: 'otto', role: 'viewer' });
  expect([operators.find(ADA.token), operators.find(digests[0]!)]).toEqual([null, null]);
  writeFileSync(path, '[');
  await until(() => said.some((line) => line.includes('is no JSON')));
  rmSync(path);
  await until(() => said.some((line) => line.includes('ENOENT')));
  expect(operators.find('first-of-otto')).not.toBeNull();
  writeFileSync(path, JSON.stringify([ADA]));
  await until(() => operators.find(ADA.token) !== null);
  operators.close();
  expect(said.filter((line) => line.includes('The operators of before stay'))).toHaveLength(2);
});
