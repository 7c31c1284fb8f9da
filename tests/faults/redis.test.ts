import { expect } from 'bun:test';
import { Redis } from 'ioredis';
import { onDistributedBackends } from '../support/backends.ts';
import { seedOf } from '../support/seed.ts';
import { eventually } from '../support/shop.ts';
import { until } from '../support/until.ts';
import { type Felt, injectFaults } from './fault-injection.ts';

/** Redis asks for nothing: without it everything goes on, past the gate. */

const FROZEN_MS = 5_000;
const FLUSHES = 8;
const FLUSH_EVERY_MS = 300;
const goesOn = ['sync', 'async', 'stock'] as const;

onDistributedBackends(() =>
  injectFaults(seedOf(import.meta.path), 'redis', [
    {
      what: 'Redis forgets everything, again and again',
      async strike({ backend }) {
        const redis = new Redis(backend.url);
        let forgotten = 0;
        for (let i = 0; i < FLUSHES; i++) {
          // Something has to be there to be forgotten; the crowd is slow where the machine is.
          await until(async () => (await redis.dbsize()) > 0);
          await redis.flushall();
          forgotten++;
          await Bun.sleep(FLUSH_EVERY_MS);
        }
        redis.disconnect();
        return { forgotten };
      },
      goesOn,
      expectFelt({ evidence }) {
        expect(evidence.forgotten).toBe(FLUSHES);
      },
    },
    {
      what: 'Redis is killed and comes back empty',
      async strike({ backend, shop }, { said, saidBefore }) {
        await backend.kill();
        await Bun.sleep(DOWN_MS);
        const before = bypassing(saidBefore());
        await eventually(() => before + bypassing(said()) >= shop.instances().length);
        await backend.restart();
        return { before };
      },
      goesOn,
      expectFelt: expectLedgerOnly,
    },
    {
      what: 'Redis is frozen for five seconds',
      async strike({ backend, shop }, { said, saidBefore }) {
        backend.pause();
        await Bun.sleep(FROZEN_MS);
        const before = bypassing(saidBefore());
        await eventually(() => before + bypassing(said()) >= shop.instances().length);
        backend.resume();
        return { before };
      },
      goesOn,
      expectFelt: expectLedgerOnly,
    },
  ]),
);

const DOWN_MS = 1_000;
const GIVEN_UP = 'The gate is in trouble, purchases go straight to the ledger';
const TAKEN_BACK = 'The gate answers again.';

/** Both processes of the API gave the gate up, and took it back. On a busy machine one may have given it up before. */
function expectLedgerOnly({ said, evidence }: Felt): void {
  expect(bypassing(said) + evidence.before!).toBe(0);
  expect(timesSaid(said, TAKEN_BACK)).toBeGreaterThanOrEqual(2);
}

/** Processes that gave the gate up and have not taken it back. */
function bypassing(said: readonly string[]): number {
  return timesSaid(said, GIVEN_UP) - timesSaid(said, TAKEN_BACK);
}

function timesSaid(said: readonly string[], sentence: string): number {
  return said.filter((msg) => msg.startsWith(sentence)).length;
}
