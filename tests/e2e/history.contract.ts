import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { DistributedShop } from '../support/distributed-shop.ts';
import { type EmbeddedShop, eventually } from '../support/shop.ts';

/** What a page of operations is drawn from, when it is opened after the sale. */

const OPEN_TIMEOUT_MS = 90_000;
const HISTORY = '/api/v1/ops/history';
/** Enough connections that each of several processes answers some. */
const ASKED = 12;

interface Sample {
  readonly at: string;
  readonly total: { readonly perSecond: Readonly<Record<string, number>> };
  readonly instances: readonly { readonly rssBytes: number }[];
  readonly units: readonly { readonly productId: number; readonly sold: number; readonly reserved: number }[];
}

export function describeHistoryContract(
  openShop: () => Promise<EmbeddedShop | DistributedShop>,
  backends: readonly string[],
  gate: string,
): void {
  let shop: EmbeddedShop | DistributedShop;
  beforeAll(async () => {
    shop = await openShop();
  }, OPEN_TIMEOUT_MS);
  afterAll(() => shop[Symbol.asyncDispose](), OPEN_TIMEOUT_MS);

  async function read(query = ''): Promise<{ from: string; to: string; samples: Sample[] }> {
    const { status, json } = await shop.get(HISTORY + query);
    expect(status).toBe(200);
    return json;
  }
  const taken = ({ units }: Sample) => units.find(({ productId }) => productId === 1)!;

  test(
    'a sale’s course is there on a page opened late, the same from every process, and after a restart',
    async () => {
      // A sample of the quiet before.
      await eventually(async () => (await read()).samples.length > 0);
      for (let i = 0; i < 5; i++) {
        expect((await shop.buy('sync', { productId: 1, quantity: 2, userId: `buyer-${i}` })).status).toBe(
          200,
        );
        expect((await shop.buy('async', { productId: 1, quantity: 1 })).status).toBe(202);
      }
      await eventually(async () => {
        const { samples } = await read();
        const wasSeen = samples.some(({ total }) => total.perSecond.accepted! > 0);
        return wasSeen && taken(samples.at(-1)!).sold === 15;
      });
      const late = await read();
      const [first] = late.samples;
      expect(taken(first!)).toMatchObject({ sold: 0, reserved: 0 });
      expect(first!.total.perSecond.syncAttempts).toBe(0);
      expect(late.samples.every(({ instances }) => instances[0]!.rssBytes > 0)).toBe(true);
      expect(late.samples.map(({ at }) => at)).toEqual(late.samples.map(({ at }) => at).toSorted());
      expect([late.from <= first!.at, late.samples.at(-1)!.at <= late.to]).toEqual([true, true]);

      const span = `?from=${late.from}&to=${late.samples.at(-1)!.at}`;
      const asked = await Promise.all(Array.from({ length: ASKED }, () => read(span)));
      for (const { samples } of asked) expect(samples).toEqual(late.samples);
      await shop.restart();
      expect((await read(span)).samples).toEqual(late.samples);
    },
    OPEN_TIMEOUT_MS,
  );

  test('the head of the page is one question: rates, refunds due, gate and backends', async () => {
    const { json } = await shop.get('/api/v1/ops/rates');
    expect(json).toMatchObject({ refundsDue: 0, gate });
    expect(json.total.perSecond.paymentFailures).toBe(0);
    const health = (await shop.get('/actuator/health')).json.components;
    expect(json.backends).toEqual(
      Object.keys(health)
        .filter((name) => name !== 'diskSpace')
        .map((name, i) => ({ name, engine: backends[i]!, up: true })),
    );
  });

  describe('refused, naming the field', () => {
    const bad: [query: string, field: string][] = [
      ['?from=yesterday', 'from'],
      ['?from=2026-02-30T00:00:00Z', 'from'],
      ['?to=1700000000000', 'to'],
      ['?from=2026-02-02T00:00:00Z&to=2026-02-01T00:00:00Z', 'from'],
      ['?points=9', 'points'],
      ['?points=2001', 'points'],
      ['?points=many', 'points'],
    ];
    test.each(bad)('%s', async (query, field) => {
      const { status, json } = await shop.get(HISTORY + query);
      expect([status, json.code, json.field]).toEqual([400, 'invalid_request', field]);
    });

    test('anybody but an operator', async () => {
      expect((await shop.get(HISTORY, { Authorization: '' })).status).toBe(401);
    });
  });
}
