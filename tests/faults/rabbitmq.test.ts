import { expect } from 'bun:test';
import { readQueues } from '../../bench/server-api.ts';
import { onDistributedBackends } from '../support/backends.ts';
import { seedOf } from '../support/seed.ts';
import { eventually } from '../support/shop.ts';
import { type Felt, injectFaults } from './fault-injection.ts';
import { heldUp } from './probes.ts';

/** Without RabbitMQ nothing is accepted, and buying at once goes on. A process of ours that dies takes no answer with it. */

const FROZEN_MS = 5_000;

onDistributedBackends(() =>
  injectFaults(seedOf(import.meta.path), 'rabbitmq', [
    {
      what: 'RabbitMQ is killed and recovers',
      async strike({ backend }, { probed }) {
        await backend.kill();
        await eventually(() => probed().some(isRefusedAcceptance));
        await backend.restart();
        return {};
      },
      goesOn: ['sync', 'stock'],
      expectFelt({ crowd, probes }) {
        expect(crowd.retries).toBeGreaterThan(0);
        expect(probes.filter(isRefusedAcceptance).length).toBeGreaterThan(0);
      },
    },
    {
      what: 'RabbitMQ is frozen for five seconds',
      async strike({ backend }) {
        backend.pause();
        await Bun.sleep(FROZEN_MS);
        backend.resume();
        return {};
      },
      goesOn: ['sync', 'stock'],
      expectFelt({ probes }) {
        expect(heldUp(probes, 'async', FROZEN_MS / 2)).toBeGreaterThan(0);
      },
    },
    {
      what: 'both processes of the API are killed, one after the other',
      async strike({ shop }, { waiting, crowdIsOver }) {
        const replaced = () => shop.server.log().split('"msg":"instance started"').length - 1;
        const before = replaced();
        const startedAtMs = performance.now();
        for (const [i, pid] of shop.instances().entries()) {
          await killWithWork(pid);
          await eventually(() => replaced() === before + i + 1);
        }
        const killed = replaced() - before;
        return { killed, replacedMs: Math.round((performance.now() - startedAtMs) / killed) };

        /** Buyers wait for it; of a crowd that is over by then the first one has had its share. */
        async function killWithWork(pid: number): Promise<void> {
          await using _ = await shop.holdWrites();
          await eventually(() => waiting() > WAITING_MIN || crowdIsOver());
          process.kill(pid, 'SIGKILL');
        }
      },
      goesOn: [],
      ends: 'instances',
      expectFelt({ evidence, crowd }) {
        expect(evidence.killed).toBe(2);
        expect(crowd.record.count('unknown')).toBeGreaterThan(0);
      },
    },
    {
      what: 'the worker is killed and started again, three times',
      async strike({ shop, random }) {
        let waiting = 0;
        for (let i = 0; i < WORKER_KILLS; i++) {
          const worker = shop.workers.at(-1)!;
          await Bun.sleep(random() * WORKER_LIVES_MS_MAX);
          await worker.kill();
          await eventually(async () => {
            waiting = Math.max(waiting, await waitingAt(shop.url));
            return waiting > 0;
          });
          await shop.addWorker();
        }
        return { waiting };
      },
      goesOn: ['sync', 'async', 'stock'],
      ends: 'worker',
      expectFelt({ evidence }) {
        expect(evidence.waiting).toBeGreaterThan(0);
      },
    },
  ]),
);

/** With two processes behind the address, chance sends all of them to one once in a billion times. */
const WAITING_MIN = 30;
const WORKER_KILLS = 3;
const WORKER_LIVES_MS_MAX = 300;

/** Zero, too, when a busy broker does not tell it in time. */
async function waitingAt(url: string): Promise<number> {
  const depths = await readQueues(url).catch(() => null);
  return depths?.purchases.waiting ?? 0;
}

function isRefusedAcceptance({ question, answer }: Felt['probes'][number]): boolean {
  return question === 'async' && answer === 503;
}
