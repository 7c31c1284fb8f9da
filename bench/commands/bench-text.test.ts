import { expect, test } from 'bun:test';
import { NOTHING, type WorkloadResult } from '../workloads/result.ts';
import { table } from './bench-text.ts';

const noop: WorkloadResult = { ...NOTHING, workload: 'noop', requestsPerS: 61_010, ratioToNoop: 1 };
const win: WorkloadResult = { ...NOTHING, workload: 'sync-win', requestsPerS: 40_000, ratioToNoop: 0.656 };

test('backends that are processes of their own have a column each', () => {
  const cpuEnginesPct = { postgres: 71, redis: 4, rabbitmq: null };
  expect(table([noop, { ...win, cpuEnginesPct }]).split('\n')).toEqual([
    '  workload   per s  × noop  p50  p99  errors  CPU  server  load  MB  postgres  redis  rabbitmq',
    '  noop      61,010    1.00    –    –       0    –       –     –   –         –      –         –',
    '  sync-win  40,000    0.66    –    –       0    –       –     –   –        71      4         –',
  ]);
});

test('the ratio and the CPU time stand beside the least and the most of the rounds', () => {
  const spread = { ratioMin: 0.55, ratioMax: 0.84, cpuTotalUsMin: 29.75, cpuTotalUsMax: 33 };
  const [, line] = table([{ ...win, cpuTotalUsPerRequest: 31.2, ...spread }]).split('\n');
  expect(line).toContain('  0.66 (0.55–0.84)  ');
  expect(line).toContain('  31.2 (29.8–33.0)  ');
});

test('what is no rate, and what failed, is said in a sentence', () => {
  const lines = table([
    { ...NOTHING, workload: 'start-up', finding: 'ready after 400 ms' },
    { ...NOTHING, workload: 'demo', failure: 'the server ended' },
  ]).split('\n');
  expect(lines[0]).toEndWith('  MB');
  expect(lines.slice(3)).toEqual([
    '  start-up: ready after 400 ms',
    '  demo could not be run: the server ended',
  ]);
});
