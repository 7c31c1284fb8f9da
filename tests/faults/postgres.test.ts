import { expect } from 'bun:test';
import { Client } from 'pg';
import { onDistributedBackends } from '../support/backends.ts';
import { seedOf } from '../support/seed.ts';
import { eventually } from '../support/shop.ts';
import { type Felt, injectFaults } from './fault-injection.ts';
import { heldUp, type Probe } from './probes.ts';

/** Nobody sells without PostgreSQL. It is said, nothing is lost, and the stock can still be read. */

const FROZEN_MS = 5_000;
const TERMINATE_FOR_MS = 3_000;
const goesOn = ['stock'] as const;

onDistributedBackends(() =>
  injectFaults(seedOf(import.meta.path), 'postgres', [
    {
      what: 'PostgreSQL is killed and recovers',
      async strike({ backend }, { probed }) {
        await backend.kill();
        await Bun.sleep(DOWN_MS);
        await eventually(() => probed().some(isRefused));
        await backend.restart();
        return {};
      },
      goesOn,
      expectFelt: expectRefusals,
    },
    {
      what: 'connections to PostgreSQL are terminated in the middle of their work',
      async strike({ backend }) {
        const client = new Client({ connectionString: backend.url });
        await client.connect();
        const untilMs = performance.now() + TERMINATE_FOR_MS;
        let terminated = 0;
        while (performance.now() < untilMs || terminated < TERMINATED_MIN) {
          terminated += (await client.query(TERMINATE_ONE)).rowCount ?? 0;
          await Bun.sleep(BETWEEN_TERMINATIONS_MS);
        }
        await client.end();
        return { terminated };
      },
      goesOn,
      expectFelt({ evidence }) {
        expect(evidence.terminated).toBeGreaterThanOrEqual(TERMINATED_MIN);
      },
    },
    {
      what: 'PostgreSQL is frozen for five seconds',
      async strike({ backend }) {
        backend.pause();
        await Bun.sleep(FROZEN_MS);
        backend.resume();
        return {};
      },
      goesOn,
      expectFelt({ probes }) {
        expect(heldUp(probes, 'sync', FROZEN_MS / 2)).toBeGreaterThan(0);
      },
    },
  ]),
);

const DOWN_MS = 1_000;
const BETWEEN_TERMINATIONS_MS = 50;
const TERMINATED_MIN = 5;
/** One that has something under way at this moment. */
const TERMINATE_ONE = `
  SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE state <> 'idle' AND backend_type = 'client backend' AND pid <> pg_backend_pid()
  ORDER BY random() LIMIT 1`;

function isRefused({ answer }: Probe): boolean {
  return answer === 503;
}

function expectRefusals({ crowd, probes }: Felt): void {
  expect(crowd.retries + crowd.record.count('unknown')).toBeGreaterThan(0);
  expect(probes.filter(isRefused).length).toBeGreaterThan(0);
}
