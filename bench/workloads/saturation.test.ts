import { expect, test } from 'bun:test';
import { openEmbeddedEnvironments } from '../embedded-environments.ts';
import { runSaturation } from './saturation.ts';

test('the sweep tells for each number of connections what a purchase costs, and its best level', async () => {
  const environment = await openEmbeddedEnvironments().open();
  try {
    const { levels, ...best } = (await runSaturation(
      { seconds: 0.4, rounds: 2, viewers: 0, connections: 256 },
      environment,
      [1, 32],
    )) as Awaited<ReturnType<typeof runSaturation>> & { levels: Record<string, number>[] };
    expect(levels).toMatchObject([
      { connections: 1, errors: 0 },
      { connections: 32, errors: 0 },
    ]);
    for (const { requests, requestsPerS, p99Ms } of levels) {
      expect(requests).toBeGreaterThan(10);
      expect(requestsPerS).toBeGreaterThan(0);
      expect(p99Ms).toBeGreaterThan(0);
    }
    expect(best).toMatchObject({ workload: 'saturation', errors: 0 });
    expect(best.requestsPerS).toBe(Math.max(...levels.map(({ requestsPerS }) => requestsPerS!)));
    if (process.platform === 'linux') {
      // Thirty-two buyers share their commits.
      expect(levels[1]!.cpuTotalUsPerRequest).toBeLessThan(levels[0]!.cpuTotalUsPerRequest!);
    }
  } finally {
    await environment.close();
  }
});
