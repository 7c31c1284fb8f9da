import { expect, test } from 'bun:test';
import { AppError } from '../domain/errors.ts';
import { createLog } from './log.ts';
import { peopleLog } from './people-log.ts';

function logged() {
  const lines: string[] = [];
  const paint = (text: string, colour: string) => (colour === 'dim' ? text : `<${colour}>${text}</>`);
  const log = createLog('info', peopleLog({ write: (text) => void lines.push(text), paint }));
  return { log, lines };
}

test('a line has its time, how bad it is, what happened and why, and no JSON', () => {
  const { log, lines } = logged();
  log.info('sold out: Console');
  log.info({ signal: 'SIGINT' }, 'shutting down');
  log.warn({ err: new AppError('unavailable', 'connection refused') }, 'queue trouble; it is tried again');
  log.warn({ requestId: 'r1', reason: 'the ledger is away' }, 'request failed');
  const told = lines.map((line) => line.replace(/^ {2}\d\d:\d\d:\d\d {2}/, ''));
  expect(told).toEqual([
    'sold out: Console\n',
    'shutting down (Ctrl-C)\n',
    '<yellow>WARN</>  queue trouble; it is tried again: connection refused\n',
    '<yellow>WARN</>  request failed  requestId=r1 reason=the ledger is away\n',
  ]);
});

test('a stack is for bugs: an error that is expected has none', () => {
  const { log, lines } = logged();
  log.error({ err: new AppError('unavailable', 'no room') }, 'an instance did not start');
  expect(lines).toHaveLength(1);
  log.error({ err: new TypeError('x is undefined') }, 'a subscriber of changes threw');
  expect(lines[1]).toContain('<red>ERROR</>  a subscriber of changes threw: x is undefined');
  expect(lines[2]).toContain('people-log.test.ts');
});
