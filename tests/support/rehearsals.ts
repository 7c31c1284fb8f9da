import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MACHINE, MAIN, runPulsecart } from './command.ts';
import { temporaryFolder } from './folder.ts';
import { eventually, type Shop } from './shop.ts';

/** `pulsecart rehearse`, run at a shop by its operator. */

const TOKEN = 'only-for-those-who-may';
export const OPERATOR = { PULSECART_OPERATOR_TOKEN: TOKEN };
export const AUTHORIZED = { Authorization: `Bearer ${TOKEN}` };
/** Of real orders every charge is declined: what a rehearsal sells is paid all the same, because nobody asks the company. */
export const SHOP_ENV = { ...OPERATOR, PULSECART_SIMULATOR_DECLINE_RATE: '1' };

/** Latencies of a busy machine are not what the tests are about. */
const NOT_JUDGED = [
  'syncP50Ms',
  'syncP95Ms',
  'syncP99Ms',
  'acceptP99Ms',
  'confirmP99Ms',
  'eventLoopP99Ms',
  'backlogAgeMs',
];
/** More than those sell who send every purchase twice, before the crowd has its connections. */
const SOLD_MIN = 20;

export function createRehearsals(shop: () => Shop) {
  const folder = temporaryFolder();
  let runs = 0;

  /** The arguments of a small crowd, with a folder of its own for results. */
  function argsOf(args: readonly string[], thresholds: object): string[] {
    const file = join(folder.path, `thresholds-${++runs}.json`);
    const none = Object.fromEntries(NOT_JUDGED.map((name) => [name, null]));
    writeFileSync(file, JSON.stringify({ ...none, ...thresholds }));
    const crowd = ['--users', '400', '--rate', '2000', '--json', '--thresholds', file, '--out', outOf(runs)];
    return ['rehearse', '--url', shop().url, ...crowd, ...args];
  }

  const outOf = (run: number) => join(folder.path, `out-${run}`);

  async function hiddenProducts(): Promise<{ productId: number; available: number; total: number }[]> {
    return (await shop().get('/api/v1/products?hidden=true', AUTHORIZED)).json.products;
  }

  return {
    hiddenProducts,
    lastOut: () => outOf(runs),

    async run(args: readonly string[] = [], thresholds = {}, env: Record<string, string> = OPERATOR) {
      const { exit, stdout, stderr } = await runPulsecart(argsOf(args, thresholds), env);
      const file = join(outOf(runs), 'rehearsal.json');
      return { exit, stderr, result: JSON.parse(stdout || '{}'), written: () => readFileSync(file, 'utf8') };
    },

    /** A long one; answers its process. */
    start(...args: string[]) {
      const long = argsOf(['--rate', '100', '--users', '20000', ...args], {});
      return Bun.spawn([process.execPath, '--no-env-file', MAIN, ...long], {
        env: { ...MACHINE, ...OPERATOR },
        stdin: 'ignore',
        stdout: 'pipe',
        stderr: 'pipe',
      });
    },

    /** Waits until its crowd buys; answers its product. */
    async underWay(): Promise<number> {
      let productId = 0;
      await eventually(async () => {
        const [product] = await hiddenProducts();
        productId = product?.productId ?? 0;
        return product !== undefined && product.total - product.available > SOLD_MIN;
      });
      return productId;
    },

    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}
