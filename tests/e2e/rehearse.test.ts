import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { openStoreReadOnly } from '../../src/adapters/sqlite/store.ts';
import { runPulsecart } from '../support/command.ts';
import { AUTHORIZED, createRehearsals, OPERATOR, SHOP_ENV } from '../support/rehearsals.ts';
import { type EmbeddedShop, openShop } from '../support/shop.ts';
import { describeRehearse } from './rehearse.contract.ts';

const TEST_TIMEOUT_MS = 60_000;

describe('embedded', () => {
  describeRehearse(async () => {
    const opened = await openShop(SHOP_ENV);
    return Object.assign(opened, { countAll: async () => countRows(opened.folder) });
  });
});

describe('when it goes wrong:', () => {
  let shop: EmbeddedShop;
  const rehearsals = createRehearsals(() => shop);
  beforeAll(async () => {
    shop = await openShop(SHOP_ENV);
  });
  afterAll(async () => {
    const { breaches } = await shop.readBooks();
    await shop[Symbol.asyncDispose]();
    rehearsals[Symbol.dispose]();
    expect(breaches).toEqual([]);
  });

  test(
    'what a killed one left is removed by the next, and a threshold that is missed is a NO-GO that names it',
    async () => {
      const child = rehearsals.start();
      const productId = await rehearsals.underWay();
      child.kill('SIGKILL');
      await child.exited;
      const { exit, result } = await rehearsals.run(['--mode', 'sync', '--product-like', '3'], {
        syncP99Ms: 0,
      });
      expect(exit).toBe(1);
      expect(result.product).toMatchObject({ units: 100, priceMinor: 199_999, perCustomerLimit: null });
      expect(result.line).toMatch(/^NO-GO, failed: syncP99Ms: [\d.]+, at most 0$/);
      const left = result.verdicts.find(({ name }: { name: string }) => name.startsWith('an earlier'));
      expect(left).toMatchObject({ state: 'PASS', detail: expect.stringContaining(`${productId}`) });
      expect(await rehearsals.hiddenProducts()).toEqual([]);
      const again = await runPulsecart(['rehearse', '--url', shop.url, '--out', rehearsals.lastOut()]);
      expect(again).toMatchObject({
        exit: 2,
        stderr: expect.stringContaining('rehearsal.json is there already'),
      });
    },
    TEST_TIMEOUT_MS,
  );

  test('a wrong token, a threshold with a typo, a real product to clean up: one line, and nothing is done', async () => {
    expect(await rehearsals.run([], {}, { PULSECART_OPERATOR_TOKEN: 'one-that-nobody-gave' })).toMatchObject({
      exit: 1,
      stderr: expect.stringMatching(/refused the token in PULSECART_OPERATOR_TOKEN\.\n$/),
    });
    expect(await rehearsals.run([], { syncP59Ms: 5 })).toMatchObject({
      exit: 2,
      stderr: expect.stringMatching(/: syncP59Ms is no threshold; the nearest one is syncP(50|95|99)Ms\n$/),
    });
    expect(await rehearsals.run([], { usefulPerS: 1_000_000 })).toMatchObject({
      exit: 2,
      stderr: expect.stringMatching(/usefulPerS of 1000000 cannot be reached: \d+ buyers come a second/),
    });
    const nobodys = ['rehearse', '--url', shop.url, '--clean-up', '99999'];
    expect(await runPulsecart(nobodys, OPERATOR)).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining('There is no product 99999'),
    });
    const real = await runPulsecart(['rehearse', '--url', shop.url, '--clean-up', '1'], OPERATOR);
    const says = expect.stringContaining('Product 1 is on sale for buyers');
    expect(real).toMatchObject({ exit: 2, stderr: says });
    expect((await shop.get('/api/v1/products/1')).json.state).toBe('open');
    expect(await rehearsals.hiddenProducts()).toEqual([]);
  });

  test(
    'a sale that somebody pauses meanwhile is a NO-GO, whatever the latencies are',
    async () => {
      const child = rehearsals.start('--mode', 'sync', '--units', '100000', '--users', '800');
      const productId = await rehearsals.underWay();
      const paused = await fetch(`${shop.url}/api/v1/products/${productId}/pause`, {
        method: 'POST',
        headers: { ...AUTHORIZED, 'Content-Type': 'application/json' },
        body: JSON.stringify({ reason: 'a test' }),
      });
      expect(paused.status).toBe(200);
      const result = JSON.parse(await new Response(child.stdout).text());
      expect(await child.exited).toBe(1);
      expect(result.line).toMatch(/^NO-GO, failed: every refusal means sold out: \d+ sale_paused/);
      expect(await rehearsals.hiddenProducts()).toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    'a server that dies is said, with the command that cleans up, which works once it is back',
    async () => {
      const child = rehearsals.start('--mode', 'sync');
      const productId = await rehearsals.underWay();
      await shop.server.kill();
      const result = JSON.parse(await new Response(child.stdout).text());
      expect(await child.exited).toBe(1);
      expect(result).toMatchObject({ go: false, leftBehind: productId });
      expect(result.line).toContain('the server stopped answering');
      await shop.restart();
      expect(await rehearsals.hiddenProducts()).toHaveLength(1);
      const args = ['rehearse', '--clean-up', `${productId}`, '--url', shop.url];
      expect(await runPulsecart(args, OPERATOR)).toEqual({
        exit: 0,
        stdout: `Hidden product ${productId} is removed.\n`,
        stderr: '',
      });
      expect(await rehearsals.hiddenProducts()).toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );
});

/**
 * Of what the service keeps for itself, only the log and the history of its figures grow by a rehearsal. A probe of the store has a counter.
 */
const OTHERS = ['audit_log', 'counters', 'history', 'leader_leases', 'service_notes'];

function countRows(folder: string): Record<string, number> {
  const { db, close } = openStoreReadOnly(folder);
  try {
    const tables = db
      .query<{ name: string }, []>(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
      )
      .all()
      .filter(({ name }) => !OTHERS.includes(name));
    const rowsOf = (name: string) =>
      db.query<{ rows: number }, []>(`SELECT count(*) AS rows FROM "${name}"`).get()!.rows;
    return Object.fromEntries(tables.map(({ name }) => [name, rowsOf(name)]));
  } finally {
    close();
  }
}
