import { expect, test } from 'bun:test';
import { CpuMeter, cpuPerRequest } from './cpu-meter.ts';
import type { Environment } from './environment.ts';
import type { ServerProcess } from './server-process.ts';

/** CPU time in ms so far, as the test sets it. */
const cpuMs = { server: 0, worker: 0, postgres: 0, redis: 0 };
const processOf = (name: 'server' | 'worker') =>
  ({ usage: () => ({ cpuMs: cpuMs[name], rssMb: 0, rssPeakMb: 0 }) }) as ServerProcess;
const environment = {
  backendsCpuMs: () => ({ postgres: cpuMs.postgres, redis: cpuMs.redis }),
} as unknown as Environment;

async function slice(requests: number, used: Partial<typeof cpuMs>) {
  for (const [name, ms] of Object.entries(used)) cpuMs[name as keyof typeof cpuMs] += ms;
  return { requests };
}

test('a request costs the time of server, worker and backends together, over all slices and in each', async () => {
  const meter = new CpuMeter(processOf('server'), environment, processOf('worker'));
  await meter.during(() => slice(1_000, { server: 20, worker: 10, postgres: 8, redis: 2 }));
  // Between two slices nobody counts.
  await slice(0, { server: 5_000, worker: 5_000, postgres: 5_000 });
  await meter.during(() => slice(3_000, { server: 100, worker: 20, postgres: 60 }));
  expect(meter.figures(1_000)).toEqual({
    cpuServerPct: 12,
    cpuWorkerPct: 3,
    cpuEnginesPct: { postgres: 7, redis: 0 },
    cpuServerUsPerRequest: 30,
    cpuWorkerUsPerRequest: 7.5,
    cpuEnginesUsPerRequest: { postgres: 17, redis: 0.5 },
    cpuTotalUsPerRequest: 55,
    cpuTotalUsMin: 40,
    cpuTotalUsMax: 60,
  });
});

test('without a worker or backends of its own the total is the server', async () => {
  const meter = new CpuMeter(processOf('server'), null);
  await meter.during(() => slice(1_000, { server: 20, worker: 10, postgres: 8 }));
  expect(meter.figures(100)).toEqual({
    cpuServerPct: 20,
    cpuServerUsPerRequest: 20,
    cpuTotalUsPerRequest: 20,
    cpuTotalUsMin: 20,
    cpuTotalUsMax: 20,
  });
});

test('what one of them used being unknown, so is the total', () => {
  const use = { backendsMs: { postgres: 1 }, requests: 10 };
  for (const unknown of [
    { ...use, serverMs: null },
    { ...use, serverMs: 5, workerMs: null },
    { ...use, serverMs: 5, requests: 0 },
  ])
    expect(cpuPerRequest(unknown).cpuTotalUsPerRequest).toBeNull();
});
