import { expect, test } from 'bun:test';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MACHINE, MAIN, runPulsecart } from '../support/command.ts';
import { temporaryFolder } from '../support/folder.ts';
import { until } from '../support/until.ts';

type Line = Readonly<Record<string, unknown>>;

test('P9 PULSECART_LOG_FILE gets the whole log, and standard output none of it', async () => {
  using folder = temporaryFolder();
  const logFile = join(folder.path, 'logs', 'pulsecart.log');
  const env = { PULSECART_LOG_FILE: logFile, PULSECART_LOG_REQUESTS: 'on', PULSECART_DRAIN_MS: '0' };
  const args = [MAIN, 'serve', '--port', '0', '--data', join(folder.path, 'data')];
  const server = Bun.spawn([process.execPath, '--no-env-file', '--no-orphans', ...args], {
    env: { ...MACHINE, ...env },
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const lines = (): Line[] =>
    existsSync(logFile) ? readFileSync(logFile, 'utf8').trim().split('\n').map(parse) : [];
  const logged = (msg: string) => lines().find((line) => line.msg === msg);
  await until(() => logged('ready') !== undefined);
  const headers = {
    'X-Request-Id': 'mine',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00',
  };
  await fetch(`${logged('ready')!.url}/api/v1/sync/stock/1`, { headers });
  expect(logged('request')).toMatchObject({
    requestId: 'mine',
    traceId: '0af7651916cd43dd8448eb211c80319c',
    status: 200,
  });
  server.kill('SIGTERM');
  expect(await server.exited).toBe(0);
  expect(logged('stopped')).toBeDefined();
  expect(await new Response(server.stdout).text()).toBe('');
  expect(await new Response(server.stderr).text()).toBe('');
});

test('P9 a log file that cannot be written stops the start with one line', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'file');
  writeFileSync(file, '');
  const ended = await runPulsecart(['serve', '--port', '0', '--data', join(folder.path, 'data')], {
    PULSECART_LOG_FILE: join(file, 'pulsecart.log'),
  });
  expect(ended).toEqual({
    exit: 2,
    stdout: '',
    stderr: `pulsecart: PULSECART_LOG_FILE: ${join(file, 'pulsecart.log')} cannot be written (EEXIST).\n`,
  });
});

function parse(text: string): Line {
  return text === '' ? {} : JSON.parse(text);
}
