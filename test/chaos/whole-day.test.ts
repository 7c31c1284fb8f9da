import { expect, test } from 'bun:test';
import { openShop } from '../support/shop.ts';
import { liveThroughTheDay, TURBULENT, WHOLE_DAY_TIMEOUT_MS } from './whole-day.ts';

const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1_000_000));

test(
  'a day on which everything happens at once ends with one outcome per order and all money accounted for',
  async () => {
    console.log(`the whole day, seed ${seed}; again: SEED=${seed} npm test -- test/chaos/whole-day.test.ts`);
    await using shop = await openShop(TURBULENT);
    await liveThroughTheDay({
      shop,
      seed,
      async crash() {
        process.kill(shop.server.pid, 'SIGKILL');
        expect(await shop.restart(TURBULENT)).toBe('SIGKILL');
      },
      async restart(env) {
        expect(await shop.restart(env)).toBe(0);
      },
    });
  },
  WHOLE_DAY_TIMEOUT_MS,
);
