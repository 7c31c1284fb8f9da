import { expect, test } from 'bun:test';
import { openEmbeddedEnvironments } from '../embedded-environments.ts';
import { runLiveLone, runLone } from './lone.ts';

const effort = { seconds: 1, rounds: 2, viewers: 0, connections: 1 };

test('lone purchases are told beside a sync of this machine, and as their only viewer hears of them', async () => {
  const environment = await openEmbeddedEnvironments().open();
  try {
    const lone = await runLone(effort, environment, 10);
    expect(lone).toMatchObject({ workload: 'lone', errors: 0, purchases: 20 });
    expect(lone.syncP50Ms).toBeGreaterThan(0);
    expect(lone.p99Ms).toBeGreaterThanOrEqual(lone.p50Ms!);
    const live = await runLiveLone(effort, environment, 5);
    expect(live).toMatchObject({ workload: 'live-lone', errors: 0, purchases: 10 });
    const { p50Ms } = live.fromSending as { p50Ms: number };
    // The purchase itself is part of that.
    expect(p50Ms).toBeGreaterThan(live.p50Ms!);
  } finally {
    await environment.close();
  }
});
