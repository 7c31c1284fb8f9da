import { expect, test } from 'bun:test';
import { seedOf } from '../support/seed.ts';
import { openShop } from '../support/shop.ts';
import { runSoak, SOAK_TIMEOUT_MS, TURBULENT } from './soak.ts';

const seed = seedOf(import.meta.path);

test(
  'a day on which everything happens at once ends with one outcome per order and all money accounted for',
  async () => {
    await using shop = await openShop(TURBULENT);
    await runSoak({
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
  SOAK_TIMEOUT_MS,
);
