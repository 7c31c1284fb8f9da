import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { eventually, type Shop } from '../support/shop.ts';

/** How people end orders over HTTP, against a real server process: cancel and refund, by whom, and what is refused. */

export interface EndingsContract {
  readonly openShop: (env?: Record<string, string>) => Promise<Shop>;
}

/** For backends of others that may have to be started first. */
const OPEN_TIMEOUT_MS = 90_000;
const NO_OPERATOR = { Authorization: '' };
const REASON = { reason: 'the buyer called' };

export function describeEndings({ openShop }: EndingsContract): void {
  let shop: Shop;

  async function buy(userId?: string | number): Promise<string> {
    const { status, json } = await shop.buy('sync', { productId: 1, quantity: 2, userId });
    expect(status).toBe(200);
    return json.orderId;
  }
  const cancel = (orderId: string, body: unknown = {}, headers = {}) =>
    shop.call('POST', `/api/v1/orders/${orderId}/cancel`, { body, headers });
  const asOperator = () => ({ Authorization: `Bearer ${shop.server.operatorToken}` });
  const refund = (orderId: string, body: unknown = REASON, headers = {}) =>
    shop.call('POST', `/api/v1/orders/${orderId}/refund`, { body, headers });
  const read = async (orderId: string) => (await shop.get(`/api/v1/orders/${orderId}`)).json;
  const stock = async () => (await shop.get('/api/v1/sync/stock/1')).json.stock;
  const untilIt = (orderId: string, status: string) =>
    eventually(async () => (await read(orderId)).status === status);
  async function entriesAbout(orderId: string) {
    const { operations } = (await shop.get('/api/v1/ops/log')).json;
    return operations.filter(({ subject }: { subject: string }) => subject === `order/${orderId}`);
  }
  function expectProblem(answer: Awaited<ReturnType<typeof cancel>>, status: number, code: string): void {
    expect({ status: answer.status, code: answer.json.code }).toEqual({ status, code });
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
  }

  describe('an order that nobody charges yet', () => {
    beforeAll(async () => {
      shop = await openShop({ PULSECART_PAYMENTS: 'off' });
      await shop.reset(1, 100);
    }, OPEN_TIMEOUT_MS);
    afterAll(async () => {
      expect((await shop.readBooks()).breaches).toEqual([]);
      await shop[Symbol.asyncDispose]();
    }, OPEN_TIMEOUT_MS);

    test('is cancelled by its buyer, and its units are free when that is answered', async () => {
      const free = await stock();
      const orderId = await buy('ada');
      const { status, json, headers } = await cancel(orderId, { userId: 'ada' });
      expect(status).toBe(200);
      expect(json).toMatchObject({ orderId, status: 'cancelled', quantity: 2, payments: [] });
      expect(headers.get('cache-control')).toBe('no-store');
      expect(await stock()).toBe(free);
      expect(await read(orderId)).toEqual(json);
    });

    test('that is cancelled answers the same again, also to ten at once, and its units come back once', async () => {
      const free = await stock();
      const orderId = await buy('ada');
      const answers = await Promise.all(Array.from({ length: 10 }, () => cancel(orderId, { userId: 'ada' })));
      for (const { status, json } of [...answers, await cancel(orderId, { userId: 'ada' })]) {
        expect({ status, json }).toMatchObject({ status: 200, json: answers[0]!.json });
      }
      expect(await stock()).toBe(free);
    });

    test('B23 of an anonymous buyer needs no body, and that of a customer does', async () => {
      const bare = (orderId: string, headers = {}) =>
        shop.call('POST', `/api/v1/orders/${orderId}/cancel`, { headers });
      const anonymous = await buy();
      const { status, json } = await bare(anonymous, { 'Content-Type': 'application/json' });
      expect([status, json.status]).toEqual([200, 'cancelled']);
      expect((await bare(anonymous)).json.status).toBe('cancelled');
      expect((await bare(await buy('ada'))).json).toMatchObject({ status: 404, code: 'not_found' });
    });

    test('is of one customer, named by a number or by a text', async () => {
      expect((await cancel(await buy(12345), { userId: '12345' })).status).toBe(200);
      expect((await cancel(await buy('12345'), { userId: 12345 })).status).toBe(200);
    });

    test('of nobody in particular is cancelled by who has its id', async () => {
      const orderId = await buy();
      expectProblem(await cancel(orderId, { userId: 'ada' }), 404, 'not_found');
      expect((await cancel(orderId, { userId: null })).status).toBe(200);
    });

    test('of somebody else is not there', async () => {
      const orderId = await buy('ada');
      const unknown = await cancel(crypto.randomUUID(), { userId: 'eve' });
      for (const userId of ['eve', undefined, 'Ada']) {
        const answer = await cancel(orderId, { userId });
        expectProblem(answer, 404, 'not_found');
        expect(answer.json.detail).toBe(unknown.json.detail);
      }
      expectProblem(await cancel('nothing', {}), 404, 'not_found');
      expect((await read(orderId)).status).toBe('reserved');
    });

    test('is cancelled by an operator, whoever bought it, and the log says who did it and why', async () => {
      const orderId = await buy('ada');
      expectProblem(await cancel(orderId, REASON, NO_OPERATOR), 401, 'unauthorized');
      expect((await cancel(orderId, REASON, { ...asOperator(), 'X-Operator': 'grace' })).json.status).toBe(
        'cancelled',
      );
      expect(await entriesAbout(orderId)).toMatchObject([
        { actor: 'grace', action: 'order.cancel', reason: REASON.reason },
      ]);
    });

    test('is not cancelled by a body that makes no sense', async () => {
      const orderId = await buy('ada');
      for (const [body, field] of [
        [{ userId: {} }, 'userId'],
        [{ userId: '' }, 'userId'],
        [{ reason: '' }, 'reason'],
        [{ reason: 7 }, 'reason'],
        [[], 'body'],
        ['{"userId":"ada","__proto__":{}}', '__proto__'],
      ] as const) {
        const headers = { 'Content-Type': 'application/json' };
        const answer = await cancel(orderId, body, headers);
        expectProblem(answer, 400, 'invalid_request');
        expect(answer.json.field).toBe(field);
        expect(answer.json.detail).toContain(field);
      }
      expect((await read(orderId)).status).toBe('reserved');
    });

    test('is not said to be cancelled while the ledger cannot write', async () => {
      const orderId = await buy('ada');
      {
        await using _held = await shop.holdWrites();
        const answer = await cancel(orderId, { userId: 'ada' });
        expect(answer.status).toBe(503);
        expect(['unavailable', 'outcome_unknown']).toContain(answer.json.code);
        expect(answer.headers.get('content-type')).toBe('application/problem+json');
        expect(answer.headers.get('retry-after')).toMatch(/^[123]$/);
      }
      expect((await cancel(orderId, { userId: 'ada' })).json).toMatchObject({ status: 'cancelled' });
    }, 60_000);

    test('has no money to give back', async () => {
      const orderId = await buy('ada');
      expectProblem(await refund(orderId), 409, 'order_not_paid');
      await cancel(orderId, { userId: 'ada' });
      expectProblem(await refund(orderId), 409, 'order_not_paid');
      expectProblem(await refund(crypto.randomUUID()), 404, 'not_found');
      expect(await entriesAbout(orderId)).toEqual([]);
    });
  });

  describe('an order that is charged', () => {
    beforeAll(async () => {
      shop = await openShop();
      await shop.reset(1, 100);
    }, OPEN_TIMEOUT_MS);
    afterAll(async () => {
      expect((await shop.readBooks()).breaches).toEqual([]);
      await shop[Symbol.asyncDispose]();
    }, OPEN_TIMEOUT_MS);

    test('is given back by an operator: on its way at once, back soon, and its units with the last step', async () => {
      const free = await stock();
      const orderId = await buy('ada');
      await untilIt(orderId, 'paid');
      const { status, headers, json } = await refund(orderId, REASON, { 'X-Operator': 'grace' });
      expect(status).toBe(202);
      expect(headers.get('location')).toBe(`/api/v1/orders/${orderId}`);
      expect(json.orderId).toBe(orderId);
      await untilIt(orderId, 'refunded');
      expect((await read(orderId)).payments).toMatchObject([{ attempt: 1, status: 'refunded' }]);
      await eventually(async () => (await stock()) === free);
      expect((await refund(orderId)).json).toMatchObject({ orderId, status: 'refunded' });
      expect((await refund(orderId)).status).toBe(200);
      expect(await entriesAbout(orderId)).toMatchObject([
        { actor: 'grace', action: 'order.refund', reason: REASON.reason },
      ]);
      expectProblem(await cancel(orderId, { userId: 'ada' }), 409, 'order_refunded');
      const metrics = (await shop.get('/actuator/prometheus')).text;
      expect(metrics).toMatch(/^pulsecart_refunds_total [1-9]/m);
      expect(metrics).toMatch(/^pulsecart_refunds_due 0$/m);
    });

    test('is given back once, however many ask for it at once', async () => {
      const orderId = await buy('ada');
      await untilIt(orderId, 'paid');
      const answers = await Promise.all(Array.from({ length: 10 }, () => refund(orderId)));
      for (const { status } of answers) expect([200, 202]).toContain(status);
      await untilIt(orderId, 'refunded');
      expect(await entriesAbout(orderId)).toHaveLength(1);
    });

    test('is given back to nobody but an operator, and not without a reason', async () => {
      const orderId = await buy('ada');
      await untilIt(orderId, 'paid');
      expectProblem(await refund(orderId, REASON, NO_OPERATOR), 401, 'unauthorized');
      const unreasoned = await refund(orderId, {});
      expectProblem(unreasoned, 400, 'invalid_request');
      expect(unreasoned.json.field).toBe('reason');
      expect((await read(orderId)).status).toBe('paid');
    });

    test('and paid is refunded rather than cancelled', async () => {
      const orderId = await buy('ada');
      await untilIt(orderId, 'paid');
      const answer = await cancel(orderId, { userId: 'ada' });
      expectProblem(answer, 409, 'order_paid');
      expect(answer.json.detail).toContain('refund');
      expectProblem(await cancel(orderId, { userId: 'eve' }), 404, 'not_found');
    });

    test('is not cancelled while its charge is under way', async () => {
      const orderId = await buy('test_timeout');
      await untilIt(orderId, 'charging');
      const answer = await cancel(orderId, { userId: 'test_timeout' });
      expectProblem(answer, 409, 'order_charging');
      expect(answer.headers.get('retry-after')).toBe('1');
      expectProblem(await refund(orderId), 409, 'order_not_paid');
    });

    test('and cancelled at the same moment ends in one of both ways, and its buyer is told which', async () => {
      const free = await stock();
      const ids = await Promise.all(Array.from({ length: 30 }, () => buy('ada')));
      // Over the time in which charging begins, so that some cancels come before it, some into it, and some after.
      const heard = await Promise.all(
        ids.map(async (id, i) => {
          await Bun.sleep(5 * i);
          const answer = await cancel(id, { userId: 'ada' });
          return answer.status === 200 ? 'cancelled' : answer.json.code;
        }),
      );
      await eventually(async () => {
        const ends = await Promise.all(ids.map(async (id) => (await read(id)).status));
        return ends.every((status) => status === 'paid' || status === 'cancelled');
      });
      for (const [i, id] of ids.entries()) {
        const expected = heard[i] === 'cancelled' ? 'cancelled' : 'paid';
        expect({ heard: heard[i], status: (await read(id)).status }).toMatchObject({ status: expected });
      }
      const bought = heard.filter((one) => one !== 'cancelled').length;
      await eventually(async () => (await stock()) === free - 2 * bought);
    });

    test('and declined is over', async () => {
      const orderId = await buy('test_decline');
      await untilIt(orderId, 'declined');
      expectProblem(await cancel(orderId, { userId: 'test_decline' }), 409, 'order_declined');
      expectProblem(await refund(orderId), 409, 'order_not_paid');
    });
  });
}
