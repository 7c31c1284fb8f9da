import { expect, test } from 'bun:test';
import { helpText } from './help.ts';
import { asCalled, wrapped } from './terminal.ts';

test('an option’s text is wrapped below itself, a paragraph at the margin, and a command with a backslash', () => {
  const text = `pulsecart x: what it is

  --flag F   a text that was broken
             elsewhere before (10)

Words that go on for more than forty columns and more.
Example: pulsecart x --first 1 --second 2 --third 3`;
  expect(helpText(text, 40, (same) => same)).toBe(`pulsecart x: what it is

  --flag F   a text that was broken
             elsewhere before (10)

Words that go on for more than forty
columns and more.

Example: pulsecart x --first 1 \\
    --second 2 --third 3`);
});

test('a command is called by npm where npm has called this one', () => {
  const called = (text: string) => asCalled(text, true);
  expect(called('pulsecart rush --users 9')).toBe('npm run rush -- --users 9');
  expect(called('try `pulsecart audit`, where')).toBe('try `npm run audit`, where');
  expect(called('pulsecart dlq list --url U')).toBe('npm run dlq -- list --url U');
  expect(called('pulsecart backup ./a.db')).toBe('npm run backup -- ./a.db');
  expect(called('Start one with `pulsecart serve`, or')).toBe('Start one with `npm start`, or');
  expect(called('pulsecart rush: a crowd')).toBe('pulsecart rush: a crowd');
  expect(asCalled('pulsecart rush --users 9', false)).toBe('pulsecart rush --users 9');
});

test('a long line goes on below its last column, and colours take no room', () => {
  expect(wrapped('  PASS  name   a detail that is too long for it', 40)).toBe(
    '  PASS  name   a detail that is too long\n               for it',
  );
  expect(wrapped('  \x1b[32mPASS\x1b[0m  name   a detail that is too long', 40)).not.toContain('\n');
  expect(wrapped('  note  http://127.0.0.1:8080/an-address-that-is-long and more', 40)).toBe(
    '  note  http://127.0.0.1:8080/an-address-that-is-long\n        and more',
  );
});
