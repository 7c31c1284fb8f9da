import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { familyOf } from '../../bench/services/processes.ts';
import type { DistributedShop } from '../support/distributed-shop.ts';
import { type EmbeddedShop, eventually } from '../support/shop.ts';

/** A crowd that an operator sends from the console: the server's own `rush`, in a process of its own. */

const RUSH = '/api/v1/ops/rush';
const TIMEOUT_MS = 90_000;
/** Would come for two minutes. */
const LONG = { productId: 2, users: 2_400, rate: 20, reason: 'for the test' };

export function describeConsoleRushContract(openShop: () => Promise<EmbeddedShop | DistributedShop>): void {
  let shop: EmbeddedShop | DistributedShop;
  beforeAll(async () => {
    shop = await openShop();
  }, TIMEOUT_MS);
  afterAll(async () => {
    expect((await shop.readBooks()).breaches).toEqual([]);
    await shop[Symbol.asyncDispose]();
  }, TIMEOUT_MS);

  const start = (body: object) => shop.call('POST', RUSH, { body });
  const stop = () => shop.call('DELETE', RUSH, { body: { reason: 'seen enough' } });
  const state = async () => (await shop.get(RUSH)).json;
  const ended = () => eventually(async () => (await state()).state !== 'running');
  /** Commands that send a crowd at this server, as the system lists them. */
  const crowds = () => familyOf(shop.server.pid).filter((pid) => commandOf(pid).includes('rush'));

  test(
    'a crowd is sent, seen coming, and judged',
    async () => {
      expect(await state()).toEqual({
        state: 'none',
        startedAt: null,
        endedAt: null,
        request: null,
        progress: null,
        result: null,
        message: null,
      });
      const request = { productId: 1, users: 1_500, rate: 1_000, mode: 'both', units: 300 };
      const { status, json, headers } = await start({ ...request, reason: 'to see it' });
      expect([status, headers.get('location'), json.state]).toEqual([202, RUSH, 'running']);
      expect(json.request).toEqual(request);
      await eventually(async () => (await state()).progress?.offered > 0);
      await ended();
      const done = await state();
      expect([done.state, done.message]).toEqual(['done', null]);
      const failed = done.result.verdicts.filter(({ pass }: { pass: boolean }) => !pass);
      expect([done.result.verdicts.length > 5, failed]).toEqual([true, []]);
      expect(done.result).toMatchObject({ users: 1_500, granted: 300, errors: 0, stock: { before: 300 } });
      expect(done.result.sync.p99Ms).toBeGreaterThan(0);
      expect(done.endedAt > done.startedAt).toBe(true);
      const { operations } = (await shop.get('/api/v1/ops/log?limit=5')).json;
      expect(operations).toContainEqual(
        expect.objectContaining({
          action: 'rush.start',
          subject: 'product/1',
          reason: 'to see it',
          details: { users: 1_500, rate: 1_000, mode: 'both', units: 300 },
        }),
      );
      await shop.restart();
      expect((await state()).result.granted).toBe(300);
    },
    TIMEOUT_MS,
  );

  test(
    'one at a time, whichever process is asked, until it is called back',
    async () => {
      expect((await start(LONG)).status).toBe(202);
      const others = await Promise.all(Array.from({ length: 6 }, () => start(LONG)));
      expect(others.map(({ status, json }) => [status, json.code])).toEqual(
        others.map(() => [409, 'in_flight']),
      );
      await eventually(async () => (await state()).progress?.sold > 0);
      expect(crowds()).toHaveLength(1);
      expect(commandOf(crowds()[0]!)).not.toContain(shop.server.operatorToken!);
      // Each of several processes is asked by one of them, most likely: all mean the same crowd.
      expect((await Promise.all([stop(), stop(), stop()])).map(({ status }) => status)).toContain(202);
      await ended();
      const { state: how, message, result } = await state();
      expect([how, message]).toEqual(['stopped', 'An operator stopped it.']);
      expect(result.users).toBeLessThan(2_400);
      expect(result.errors).toBe(0);
      expect((await stop()).status).toBe(200);
      expect(crowds()).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    'a crowd ends with its server',
    async () => {
      await eventually(async () => (await start(LONG)).status === 202);
      await eventually(() => crowds().length === 1);
      const [crowd] = crowds();
      await shop.restart();
      expect(commandOf(crowd!)).toBe('');
      expect(await state()).toMatchObject({
        state: 'stopped',
        message: 'The server was stopped.',
        result: null,
      });

      await eventually(async () => (await start(LONG)).status === 202);
      await eventually(() => crowds().length === 1);
      const [orphan] = crowds();
      await shop.server.kill();
      await eventually(() => commandOf(orphan!) === '');
      await shop.restart();
    },
    TIMEOUT_MS,
  );

  const bad: [what: string, body: object, status: number, field: string][] = [
    ['no reason', { productId: 1 }, 400, 'reason'],
    ['no buyers', { productId: 1, users: 0, reason: 'x' }, 400, 'users'],
    ['too many buyers', { productId: 1, users: 100_001, reason: 'x' }, 400, 'users'],
    ['a rate that takes a day', { productId: 1, users: 100_000, rate: 1, reason: 'x' }, 400, 'rate'],
    ['a mode that is none', { productId: 1, mode: 'fast', reason: 'x' }, 400, 'mode'],
    ['units below zero', { productId: 1, units: -1, reason: 'x' }, 400, 'units'],
    ['an unknown product', { productId: 4711, reason: 'x' }, 404, 'productId'],
  ];
  test.each(bad)('refused: %s', async (_, body, status, field) => {
    const { json, ...answer } = await start(body);
    expect([answer.status, json.field]).toEqual([status, field]);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
  });

  test('refused: anybody but an operator', async () => {
    const headers = { Authorization: '' };
    for (const method of ['GET', 'POST', 'DELETE']) {
      const { status } = await shop.call(method, RUSH, { headers, ...(method !== 'GET' && { body: {} }) });
      expect([method, status]).toEqual([method, 401]);
    }
  });
}

/** Empty where the process has ended. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}
