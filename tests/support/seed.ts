import { relative } from 'node:path';
import { ROOT } from './command.ts';

/** The plain suite always tests the same cases: when it turns red, a change did that, and no draw. */
const PLAIN_SEED = 1;

/**
 * What a test draws its course from. `npm run chaos` takes every file that calls this, as often as it is asked to, each time
 * with another seed.
 */
export function seedOf(testFile: string): number {
  const seed = Number(process.env.PULSECART_TEST_SEED || PLAIN_SEED);
  if (!Number.isSafeInteger(seed) || seed < 0) throw new Error('PULSECART_TEST_SEED must be a whole number');
  console.log(`seed ${seed}; again: npm run chaos -- --seed ${seed} --file ${relative(ROOT, testFile)}`);
  return seed;
}
