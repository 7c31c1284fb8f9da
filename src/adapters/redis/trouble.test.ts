import { expect, test } from 'bun:test';
import { inspect } from 'node:util';
import { parseRedisUrl } from './address.ts';
import { createTrouble } from './trouble.ts';

const address = parseRedisUrl('redis+sentinel://:geheim@h/m?sentinelPassword=heimlich');
const trouble = createTrouble(address);

test('a command that was not sent or was refused is unavailable, any other is unknown', () => {
  const codeOf = (error: Error) => trouble.ofCommand(error).code;
  expect(codeOf(new Error("Stream isn't writeable and enableOfflineQueue options is false"))).toBe(
    'unavailable',
  );
  expect(codeOf(Object.assign(new Error('OOM command not allowed'), { name: 'ReplyError' }))).toBe(
    'unavailable',
  );
  expect(codeOf(new Error('Command timed out'))).toBe('outcome_unknown');
  expect(codeOf(new Error('Connection is closed.'))).toBe('outcome_unknown');
  expect(codeOf(trouble.late(50))).toBe('outcome_unknown');
});

test('passwords that a server repeats or a command carries are not passed on', () => {
  const command = { name: 'hello', args: ['3', 'AUTH', 'default', 'geheim'] };
  const echo =
    "ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'default' 'geheim' 'heimlich'";
  for (const name of [trouble.ofCommand, trouble.ofOpening]) {
    const shown = inspect(name(Object.assign(new Error(echo), { command })), { depth: 10 });
    expect(shown).toContain("'AUTH' 'default' '***' '***'");
    expect(shown).not.toMatch(/geheim|heimlich/);
  }
});
