import { expect, test } from 'bun:test';
import { productionEngines } from '../support/engines.ts';
import { openProductionShop } from '../support/production-shop.ts';
import { liveThroughTheDay, TURBULENT, WHOLE_DAY_TIMEOUT_MS } from './whole-day.ts';

const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1_000_000));

if (!productionEngines)
  console.log('PULSECART_TEST_ENGINES=embedded: no whole day on the production engines');
else {
  test(
    'a day on which everything happens at once ends well with several processes on the production engines',
    async () => {
      console.log(
        `the whole day, seed ${seed}; again: SEED=${seed} npm test -- test/chaos/whole-day-production.test.ts`,
      );
      await using shop = await openProductionShop({ env: TURBULENT, instances: 2, workers: 1 });
      await liveThroughTheDay({
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
    WHOLE_DAY_TIMEOUT_MS,
  );
}

/** The payment company's troubles taken back. */
const QUIET = Object.fromEntries(
  Object.keys(TURBULENT)
    .filter((name) => name.endsWith('_RATE'))
    .map((name) => [name, '0']),
);
