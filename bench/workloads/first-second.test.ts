import { expect, test } from 'bun:test';
import { openEmbeddedEnvironments } from '../embedded-environments.ts';
import { runFirstSecond } from './first-second.ts';

const RATE_PER_S = 200;

test('cold and warm servers take turns, each second has its figures, and every purchase is answered', async () => {
  const effort = { seconds: 0.5, rounds: 1, viewers: 0, connections: 256 };
  const result = await runFirstSecond(effort, openEmbeddedEnvironments(), [RATE_PER_S]);
  expect(result).toMatchObject({ workload: 'first-second', errors: 0 });
  const [{ ratePerS, cold, warm }] = result.rates as [Record<'ratePerS' | 'cold' | 'warm', never>];
  expect(ratePerS).toBe(RATE_PER_S as never);
  for (const side of [cold, warm] as { first: Figures; later: Figures }[])
    for (const { p50Ms, p99Ms, p99MsByTurn } of [side.first, side.later]) {
      expect(p50Ms).toBeGreaterThan(0);
      expect(p99MsByTurn).toEqual([p99Ms]);
    }
}, 60_000);

interface Figures {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p99MsByTurn: readonly number[];
}
