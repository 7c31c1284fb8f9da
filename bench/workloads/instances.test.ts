import { expect, test } from 'bun:test';
import { openEmbeddedEnvironments } from '../embedded-environments.ts';
import { runInstances } from './instances.ts';

test('each number of processes, products and connections has the spread of its rounds, batches included', async () => {
  const effort = { seconds: 0.6, rounds: 2, viewers: 0, connections: 1 };
  const result = await runInstances(effort, openEmbeddedEnvironments(), [1], [8]);
  expect(result).toMatchObject({ workload: 'instances', errors: 0 });
  const levels = result.levels as { readonly purchasesPerBatch: { readonly median: number } }[];
  expect(levels).toMatchObject([
    { instances: 1, products: 1, connections: 8, requestsPerS: { count: 2 }, p99Ms: { count: 2 }, errors: 0 },
    {
      instances: 1,
      products: 10,
      connections: 8,
      requestsPerS: { count: 2 },
      p99Ms: { count: 2 },
      errors: 0,
    },
  ]);
  // Eight buyers cannot fill a larger batch.
  for (const { purchasesPerBatch } of levels) expect(purchasesPerBatch.median).toBeWithin(1, 8.1);
});
