import { expect, test } from 'bun:test';
import { openEmbeddedEnvironments } from '../embedded-environments.ts';
import { runInstances } from './instances.ts';

test('each number of processes, products and connections has the spread of its rounds, batches included', async () => {
  const effort = { seconds: 0.6, rounds: 2, viewers: 0, connections: 1 };
  const result = await runInstances(effort, openEmbeddedEnvironments(), [1], [4, 32]);
  expect(result).toMatchObject({ workload: 'instances', errors: 0 });
  const levels = result.levels as {
    readonly products: number;
    readonly connections: number;
    readonly purchasesPerBatch: { readonly median: number };
  }[];
  expect(levels).toMatchObject([
    { instances: 1, products: 1, connections: 4, requestsPerS: { count: 2 }, errors: 0 },
    { instances: 1, products: 1, connections: 32, p99Ms: { count: 2 }, errors: 0 },
    { instances: 1, products: 10, connections: 4, errors: 0 },
    { instances: 1, products: 10, connections: 32, errors: 0 },
  ]);
  // Four buyers cannot fill a batch of more.
  for (const { connections, purchasesPerBatch } of levels)
    expect(purchasesPerBatch.median).toBeWithin(1, connections + 1);
});
