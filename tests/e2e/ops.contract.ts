import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { DistributedShop } from '../support/distributed-shop.ts';
import { FAILING, failRows } from '../support/failing-row.ts';
import { scrape } from '../support/scrape.ts';
import { type EmbeddedShop, eventually } from '../support/shop.ts';

/** What operators see and do over HTTP, against real server processes. */

type OpsShop = EmbeddedShop | DistributedShop;

/** Five attempts with growing pauses between them, on a machine that has other things to do. */
const PUT_ASIDE_MS = 120_000;
const OPEN_TIMEOUT_MS = 90_000;

const LETTERS = '/api/v1/ops/dead-letters';

export function describeOpsContract(
  openShop: (env?: Record<string, string>) => Promise<OpsShop>,
  processes: number,
): void {
  let shop: OpsShop;
  beforeAll(async () => {
    shop = await openShop();
  }, OPEN_TIMEOUT_MS);
  afterAll(async () => {
    expect((await shop.readBooks()).breaches).toEqual([]);
    await shop[Symbol.asyncDispose]();
  }, OPEN_TIMEOUT_MS);

  /** Async purchases that the ledger cannot decide, once they have become dead letters. */
  async function deadLettered(count: number): Promise<string[]> {
    const heal = await failRows(shop);
    const ids: string[] = [];
    for (let i = 0; i < count; i++) {
      const request = { productId: 1, quantity: 1, userId: `${FAILING}-${i}` };
      const { json } = await shop.buy('async', request, {
        'Idempotency-Key': `${FAILING}-${crypto.randomUUID()}`,
      });
      ids.push(json.trackingId);
    }
    await eventually(async () => {
      const { items } = (await groups())[0] ?? { items: 0 };
      return items === count;
    });
    await heal();
    expect(await codes(ids)).toEqual(ids.map(() => 'needs_attention'));
    return ids;
  }

  async function groups(): Promise<{ queue: string; cause: string; items: number; itemIds: string[] }[]> {
    return (await shop.get(LETTERS)).json.groups;
  }

  async function codes(ids: readonly string[]): Promise<string[]> {
    const answers = await Promise.all(ids.map((id) => shop.get(`/api/v1/async/purchase/${id}`)));
    return answers.map(({ json }) => json.code ?? json.status);
  }

  function act(what: 'replay' | 'discard', body: object) {
    return shop.call('POST', `${LETTERS}/${what}`, { body, headers: { 'X-Operator': 'grace' } });
  }

  test(
    'what could not be decided is one group, is replayed, and then is bought after all',
    async () => {
      const ids = await deadLettered(3);
      const [group, ...others] = await groups();
      expect(others).toEqual([]);
      expect(group).toMatchObject({ queue: 'purchases', letters: 3, items: 3 });
      expect(group!.itemIds.toSorted()).toEqual(ids.toSorted());
      const shown = (await shop.get(`${LETTERS}/letters?queue=purchases&limit=2`)).json;
      expect([shown.letters.length, shown.truncated]).toEqual([2, true]);

      const replayed = await act('replay', { queue: 'purchases', cause: group!.cause, reason: 'healed' });
      expect(replayed.json).toEqual({ queue: 'purchases', letters: 3, items: 3, truncated: false });
      await eventually(async () => (await codes(ids)).every((code) => code === 'confirmed'));
      await eventually(async () => (await groups()).length === 0);
      const [logged] = (await shop.get('/api/v1/ops/log?limit=1')).json.operations;
      expect(logged).toMatchObject({
        actor: 'grace',
        action: 'dead-letters.replay',
        subject: 'queue/purchases',
        reason: 'healed',
        details: { cause: group!.cause, letters: 3, items: 3 },
      });
    },
    PUT_ASIDE_MS,
  );

  test(
    'P3 customers and keys of purchases that the store refuses come into no log and no cause',
    async () => {
      const heal = await failRows(shop);
      const request = { productId: 1, quantity: 1, userId: `${FAILING}-sync` };
      const { status } = await shop.buy('sync', request, {
        'Idempotency-Key': `${FAILING}-${crypto.randomUUID()}`,
      });
      await heal();
      expect(status).toBe(500);
      const ids = await deadLettered(1);
      const [group] = await groups();
      const letters = (await shop.get(`${LETTERS}/letters?queue=purchases`)).text;
      expect(letters).toContain(ids[0]!);
      const logs = 'logs' in shop ? shop.logs() : shop.server.log();
      expect(logs).toContain(`purchase ${ids[0]} could not be decided`);
      for (const text of [group!.cause, letters, logs]) expect(text.includes(`${FAILING}-`)).toBe(false);
      // A broker counts its messages a moment later than they can be read.
      await eventually(
        async () => (await scrape(shop.url)).value('pulsecart_dead_letters', { queue: 'purchases' }) === 1,
      );
      const shown = await scrape(shop.url);
      expect(shown.value('pulsecart_dead_letters_oldest_age_seconds', { queue: 'payments' })).toBe(0);
      // The table's own rule stopped each of its attempts, and the sync one.
      expect(shown.value('pulsecart_ledger_guard_fired_total')).toBeGreaterThan(5);
      expect(
        (await act('discard', { queue: 'purchases', cause: group!.cause, reason: 'poison' })).status,
      ).toBe(200);
    },
    PUT_ASIDE_MS,
  );

  test(
    'what is discarded ends as failed, and a server that is killed on the way finishes it when asked again',
    async () => {
      const ids = await deadLettered(3);
      const [group] = await groups();
      const body = { queue: 'purchases', cause: group!.cause, reason: 'not worth it' };
      const cut = act('discard', body).catch(() => null);
      // Within the discard as often as not; wherever it falls, the same call again leads to the same end.
      await Bun.sleep(3);
      await shop.server.kill();
      await cut;
      await shop.restart();
      expect((await act('discard', body)).status).toBe(200);
      expect(await codes(ids)).toEqual(ids.map(() => 'discarded'));
      expect((await shop.get(`/api/v1/async/purchase/${ids[0]}`)).json).toMatchObject({ status: 'failed' });
      await eventually(async () => (await groups()).length === 0);
    },
    PUT_ASIDE_MS,
  );

  test(
    'the audit runs beside the server and answers its verdicts',
    async () => {
      const body = { reason: 'for the test' };
      const before = await scrape(shop.url);
      const { status, json } = await shop.call('POST', '/api/v1/ops/audit', { body });
      const after = await scrape(shop.url);
      const passed = { result: 'passed' };
      expect(after.value('pulsecart_audits_total', passed)).toBe(
        before.value('pulsecart_audits_total', passed)! + 1,
      );
      expect(after.value('pulsecart_audit_breaches')).toBe(0);
      expect([status, json.pass]).toEqual([200, true]);
      expect(json.verdicts.map(({ name }: { name: string }) => name)).toContain('no oversell of product 1');
    },
    OPEN_TIMEOUT_MS,
  );

  test(
    'rates show what buyers do, from whichever process they are asked',
    async () => {
      await eventually(async () => {
        await shop.buy('sync', { productId: 2, quantity: 1 });
        await shop.buy('async', { productId: 2, quantity: 1 });
        const { total } = (await shop.get('/api/v1/ops/rates')).json;
        if (total.instances < processes) return false;
        const { syncAttempts, accepted, reserved, confirmed } = total.perSecond;
        return (
          syncAttempts > 0 && accepted > 0 && reserved > 0 && confirmed > 0 && total.times.confirmP99Ms > 0
        );
      });
      const { instances, total, units } = (await shop.get('/api/v1/ops/rates')).json;
      expect(total.instances).toBe(instances.length);
      for (const { ageMs, rssBytes } of instances)
        expect([ageMs < 11_000, rssBytes > 0]).toEqual([true, true]);
      expect(units.map(({ productId }: { productId: number }) => productId)).toEqual([1, 2, 3, 4, 5]);
    },
    OPEN_TIMEOUT_MS,
  );

  describe('refused, naming the field, and as a problem', () => {
    const bad: [name: string, method: string, path: string, body: object | undefined, field: string][] = [
      ['an unknown queue', 'GET', `${LETTERS}/letters?queue=letters`, undefined, 'queue'],
      ['a limit of 0', 'GET', `${LETTERS}/letters?limit=0`, undefined, 'limit'],
      ['a limit above 1000', 'GET', '/api/v1/ops/log?limit=1001', undefined, 'limit'],
      ['a page that begins nowhere', 'GET', '/api/v1/ops/log?before=yesterday', undefined, 'before'],
      ['no reason', 'POST', `${LETTERS}/replay`, { queue: 'purchases', cause: 'x' }, 'reason'],
      ['no letters', 'POST', `${LETTERS}/discard`, { queue: 'purchases', reason: 'x' }, 'cause'],
      ['an empty list', 'POST', `${LETTERS}/discard`, { queue: 'purchases', ids: [], reason: 'x' }, 'ids'],
      ['an audit without a reason', 'POST', '/api/v1/ops/audit', {}, 'reason'],
    ];
    for (const [name, method, path, body, field] of bad) {
      test(name, async () => {
        const { status, headers, json } = await shop.call(method, path, body ? { body } : {});
        expect([status, json.code, json.field]).toEqual([400, 'invalid_request', field]);
        expect(headers.get('content-type')).toBe('application/problem+json');
      });
    }

    test('anybody but an operator', async () => {
      const headers = { Authorization: '' };
      for (const path of [
        LETTERS,
        `${LETTERS}/letters`,
        '/api/v1/ops/log',
        '/api/v1/ops/queues',
        '/api/v1/ops/rates',
      ]) {
        const answer = await shop.get(path, headers);
        expect([path, answer.status, answer.json.code]).toEqual([path, 401, 'unauthorized']);
      }
      for (const path of [`${LETTERS}/replay`, `${LETTERS}/discard`, '/api/v1/ops/audit']) {
        expect((await shop.call('POST', path, { body: {}, headers })).status).toBe(401);
      }
    });
  });
}
