import { expect, test } from 'bun:test';
import { onDistributedBackends } from '../support/backends.ts';
import { openDistributedShop } from '../support/distributed-shop.ts';
import { seedOf } from '../support/seed.ts';
import { runSoak, SOAK_TIMEOUT_MS, TURBULENT } from './soak.ts';

const seed = seedOf(import.meta.path);

onDistributedBackends(() => {
  test(
    'a day on which everything happens at once ends well with several processes on the distributed backends',
    async () => {
      await using shop = await openDistributedShop({ env: TURBULENT, instances: 2, workers: 1 });
      await runSoak({
        shop,
        seed,
        async crash(n) {
          if (n === 0) {
            process.kill(shop.instances()[0]!, 'SIGKILL');
            return;
          }
          await shop.workers.at(-1)!.kill();
          await shop.addWorker();
        },
        async restart(env) {
          const worker = shop.workers.at(-1)!;
          expect(await shop.restart(env)).toBe(0);
          expect(await worker.stop()).toBe(0);
          // What it sets comes after what the shop was opened with.
          await shop.addWorker({ ...QUIET, ...env });
        },
      });
    },
    SOAK_TIMEOUT_MS,
  );
});

/** The payment company's troubles taken back. */
const QUIET = Object.fromEntries(
  Object.keys(TURBULENT)
    .filter((name) => name.endsWith('_RATE'))
    .map((name) => [name, '0']),
);
