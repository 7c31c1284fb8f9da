import { expect, test } from 'bun:test';
import { cpuMsFromStat } from './process-usage.ts';
import { readyLine, startNoop } from './server-process.ts';

test('a ready line is found among others, once it is whole', () => {
  const before = '{"msg":"not ready"}\nready or not\n';
  const line = '{"level":30,"msg":"ready","url":"http://127.0.0.1:1","pid":7}';
  expect(readyLine(before)).toBeNull();
  expect(readyLine(before + line)).toBeNull();
  expect(readyLine(`${before}${line}\n`)).toEqual({ url: 'http://127.0.0.1:1', pid: 7 });
});

test('a started server answers, is seen by the system, and ends in order', async () => {
  const server = await startNoop('sold-out');
  try {
    const response = await fetch(`${server.url}/api/v1/sync/purchase`, { method: 'POST', body: '{}' });
    expect(response.status).toBe(409);
    const usage = server.usage();
    if (process.platform === 'linux') expect(usage!.rssMb).toBeGreaterThan(1);
  } finally {
    expect(await server.stop()).toBe(0);
  }
});

test('a killed server is told from one that ended', async () => {
  const server = await startNoop();
  expect(await server.kill()).toBe('SIGKILL');
});

test('CPU time, that of ended children included, is read behind a command name that holds spaces and brackets', () => {
  const stat = '4321 (my (odd) name) S 1 4321 4321 0 -1 4194304 900 0 0 0 150 50 7 3 20 0 12 0 100 0 0';
  expect(cpuMsFromStat(stat)).toBe(2100);
});
