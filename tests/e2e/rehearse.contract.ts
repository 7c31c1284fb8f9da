import { afterAll, beforeAll, expect, test } from 'bun:test';
import { AUTHORIZED, createRehearsals } from '../support/rehearsals.ts';
import { eventually, type Shop } from '../support/shop.ts';

/** `pulsecart rehearse` at a server that somebody else has started: what it leaves, and who sees it. */

const OPEN_TIMEOUT_MS = 90_000;
const TEST_TIMEOUT_MS = 60_000;

export interface CountedShop extends Shop {
  /** Rows of each table, and keys of each store, that a sale fills. */
  countAll(): Promise<Readonly<Record<string, number>>>;
}

export function describeRehearse(openShop: () => Promise<CountedShop>): void {
  let shop: CountedShop;
  const rehearsals = createRehearsals(() => shop);
  beforeAll(async () => {
    shop = await openShop();
  }, OPEN_TIMEOUT_MS);
  afterAll(async () => {
    const { breaches } = await shop.readBooks();
    await shop[Symbol.asyncDispose]();
    rehearsals[Symbol.dispose]();
    expect(breaches).toEqual([]);
  }, OPEN_TIMEOUT_MS);

  test(
    'a rehearsal says GO, sells without a charge, and leaves a line in the log and nothing else',
    async () => {
      const before = await shop.countAll();
      const { exit, stderr, result, written } = await rehearsals.run(['--units', '60', '--profile', 'mixed']);
      expect({ exit, stderr, line: result.line }).toMatchObject({ exit: 0, stderr: '' });
      expect(result.verdicts.filter(({ state }: { state: string }) => state === 'FAIL')).toEqual([]);
      expect(result).toMatchObject({
        go: true,
        leftBehind: null,
        crowd: { users: 400, errors: 0, viewers: 4 },
      });
      expect(result.crowd.repeated).toBeGreaterThan(0);
      expect(result.crowd.granted).toBe(60);
      expect(result.crowd.verdicts[0].detail).toEndWith(' granted, 60 here');
      expect(JSON.parse(written())).toEqual(result);
      const { productId } = result.product;
      expect(productId).toBeGreaterThanOrEqual(2 ** 52);
      // A process answers reads from memory for 250 ms.
      await eventually(async () => (await shop.get(`/api/v1/products/${productId}`)).status === 404);
      expect(await rehearsals.hiddenProducts()).toEqual([]);
      await eventually(async () => Bun.deepEquals(await shop.countAll(), before));
      const { operations } = (await shop.get('/api/v1/ops/log?limit=1', AUTHORIZED)).json;
      expect(operations[0]).toMatchObject({
        action: 'product.remove',
        subject: `product/${productId}`,
        reason: 'the rehearsal is over',
      });
    },
    TEST_TIMEOUT_MS,
  );

  test(
    'while it runs its product is in no list, no figures and no metrics, and Ctrl-C removes it',
    async () => {
      const child = rehearsals.start('--mode', 'sync');
      const productId = await rehearsals.underWay();
      for (const place of ['/api/v1/products?limit=1000', '/api/v1/ops/rates', '/actuator/prometheus']) {
        const { status, text } = await shop.get(place, AUTHORIZED);
        expect([status, text.includes(`${productId}`)]).toEqual([200, false]);
      }
      expect((await shop.get('/api/v1/products?hidden=true')).status).toBe(401);
      const second = await rehearsals.run();
      expect([second.exit, second.result.line]).toEqual([
        1,
        expect.stringContaining(`hidden product ${productId}`),
      ]);
      expect(second.result).toMatchObject({ product: null, crowd: null });
      child.kill('SIGINT');
      const result = JSON.parse(await new Response(child.stdout).text());
      expect(await child.exited).toBe(130);
      expect(result).toMatchObject({ interrupted: true, go: false, leftBehind: null });
      expect(await rehearsals.hiddenProducts()).toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );
}
