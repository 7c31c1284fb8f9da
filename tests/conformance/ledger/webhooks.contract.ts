import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { AuditEntry } from '../../../src/domain/audit-entry.ts';
import type { DueWebhook } from '../../../src/ports/webhooks.ts';
import { captured, failedWith, HOLD_SECONDS, type Scene } from './scene.contract.ts';

const A = { id: 'aaaaaaaaaaaa', url: 'https://a.example/hook' };
const B = { id: 'bbbbbbbbbbbb', url: 'https://b.example/hook' };
const ALL = 10_000;
const HOUR_MS = 3_600_000;

/** What shops hear of orders. */
export function webhooks(scene: Scene): void {
  const entry = (action: AuditEntry['action']): AuditEntry => {
    return {
      id: Bun.randomUUIDv7(),
      actor: 'grace',
      action,
      subject: 'webhooks',
      reason: 'test',
      details: {},
    };
  };
  const due = (target = A.id) => scene.ledger.dueWebhooks(target, ALL);
  const dead = (target: string | null = A.id) => scene.ledger.deadWebhooks(target, 0, ALL);
  const heads = (events: readonly DueWebhook[]) => events.map(({ order }) => [order.id, order.status]);
  const backlog = async (target = A.id) =>
    (await scene.ledger.webhookBacklog()).find((one) => one.target === target);
  const written = async ({ id }: AuditEntry) =>
    (await scene.ledger.auditLog(ALL, null)).find((one) => one.id === id);
  const deliver = (events: readonly DueWebhook[]) =>
    scene.ledger.recordWebhooks(events.map(({ seq }) => ({ type: 'delivered', seq })));

  /** Takes what is due for the target until nothing is, as a deliverer would; answers statuses by order of the product. */
  async function hear(productId: number, target = A.id): Promise<Map<string, string[]>> {
    const heard = new Map<string, string[]>();
    for (let events = await due(target); events.length > 0; events = await due(target)) {
      expect(new Set(events.map(({ order }) => order.id)).size).toBe(events.length);
      for (const { order } of events) {
        if (order.productId !== productId) continue;
        heard.set(order.id, [...(heard.get(order.id) ?? []), order.status]);
      }
      await deliver(events);
    }
    return heard;
  }

  /** Targets are gone, and so is what they left. */
  async function forget(): Promise<void> {
    await scene.ledger.setWebhookTargets([]);
    await scene.ledger.pruneWebhooks(scene.now() + HOUR_MS, HOUR_MS, ALL);
  }

  describe('events for webhooks', () => {
    beforeEach(async () => {
      // What earlier tests have left to expire is not told.
      await scene.ledger.expireOverdue(ALL);
      await scene.ledger.setWebhookTargets([A]);
    });
    afterEach(forget);

    test('without targets an order writes nothing', async () => {
      await scene.ledger.setWebhookTargets([]);
      const productId = await scene.sale();
      const order = await scene.reserve(productId);
      await scene.charge(order.id, captured());
      await scene.ledger.setWebhookTargets([A]);
      expect(await due()).toEqual([]);
    });

    test('has each step of each order, for each target, in the order of its steps', async () => {
      await scene.ledger.setWebhookTargets([A, B]);
      const productId = await scene.sale();
      const [refunded, declined, cancelled] = [
        await scene.reserve(productId, { customer: 'ada', quantity: 2 }),
        await scene.reserve(productId, { channel: 'async' }),
        await scene.reserve(productId, { customer: 'bob' }),
      ];
      await scene.charge(refunded.id, failedWith('attempt_failed'));
      await scene.charge(refunded.id, captured('p-w1'));
      await scene.ledger.refund(refunded.id, entry('order.refund'));
      const leased = await scene.ledger.leaseRefunds(ALL, 1_000);
      await scene.ledger.settleRefunds(leased.filter(({ orderId }) => orderId === refunded.id));
      await scene.charge(declined.id, failedWith('declined'));
      await scene.ledger.cancel(cancelled.id, { customer: 'bob' });

      for (const target of [A.id, B.id]) {
        expect(await hear(productId, target)).toEqual(
          new Map([
            [refunded.id, ['reserved', 'paid', 'refunding', 'refunded']],
            [declined.id, ['reserved', 'declined']],
            [cancelled.id, ['reserved', 'cancelled']],
          ]),
        );
      }
    });

    test('has orders of a batch, of a hold that ran out, and of money that came late', async () => {
      const productId = await scene.sale({ holdSeconds: HOLD_SECONDS });
      const purchases = [1, 2, 3].map(() => scene.purchase(productId));
      const orders = (await scene.decide(...purchases)).map((outcome) => {
        if (outcome.kind !== 'reserved') throw new Error(outcome.kind);
        return outcome.order;
      });
      const [lease] = await scene.ledger.lease([orders[0]!.id], 1);
      await scene.passTime(1_000 * HOLD_SECONDS + 5);
      const { attempt, leases } = lease!;
      const result = failedWith('give_up');
      await scene.ledger.settle([{ orderId: orders[0]!.id, attempt, leases, result }]);
      await scene.ledger.expireOverdue(ALL);
      await scene.ledger.captureLate([{ orderId: orders[0]!.id, attempt, providerId: 'p-late' }]);
      expect(await hear(productId)).toEqual(
        new Map([
          [orders[0]!.id, ['reserved', 'expired', 'paid']],
          [orders[1]!.id, ['reserved', 'expired']],
          [orders[2]!.id, ['reserved', 'expired']],
        ]),
      );
    });

    test('tells the order as of the event, and numbers its events upwards', async () => {
      const productId = await scene.sale();
      const order = await scene.reserve(productId, { customer: 'ada', quantity: 3 });
      await scene.charge(order.id, captured('p-w2'));
      const [first] = await due();
      expect(first).toEqual({ seq: expect.any(Number), tries: 0, order: { ...order, attempts: 1 } });
      await deliver([first!]);
      const [second] = await due();
      expect(second!.order).toEqual(await scene.order(order.id));
      expect(second!.order).toMatchObject({ status: 'paid', customer: 'ada', quantity: 3 });
      expect(second!.seq).toBeGreaterThan(first!.seq);
      await deliver([second!]);
      // A number that is free again is not used again.
      await scene.ledger.refund(order.id, entry('order.refund'));
      expect((await due())[0]!.seq).toBeGreaterThan(second!.seq);
    });

    test('what is repeated, refused or only concluded is no event', async () => {
      const productId = await scene.sale({ units: 1 });
      const purchase = scene.purchase(productId);
      await scene.decide(purchase);
      await scene.decide(purchase);
      await scene.decide(scene.purchase(productId));
      await scene.passTime(2);
      await scene.ledger.conclude({ id: scene.newId(), channel: 'sync', decideBy: scene.now() - 1 });
      expect(heads(await due())).toEqual([[purchase.id, 'reserved']]);
    });

    test('an event that failed waits, and so do the later ones of its order, and no others', async () => {
      const productId = await scene.sale();
      const [slow, quick] = [await scene.reserve(productId), await scene.reserve(productId)];
      const [event] = await due();
      expect(event!.order.id).toBe(slow.id);
      const { seq } = event!;
      await scene.charge(slow.id, captured('p-w3'));
      await scene.ledger.recordWebhooks([
        { type: 'failed', seq, cause: 'it answered 500', againAfterMs: 800 },
      ]);
      await scene.ledger.refund(slow.id, entry('order.refund'));
      expect(heads(await due())).toEqual([[quick.id, 'reserved']]);
      expect(await backlog()).toEqual({
        target: A.id,
        waiting: 4,
        retrying: 1,
        oldestAt: slow.createdAt,
        dead: 0,
      });
      await scene.passTime(850);
      expect((await due()).find(({ order }) => order.id === slow.id)).toMatchObject({ seq, tries: 1 });
      expect((await hear(productId)).get(slow.id)).toEqual(['reserved', 'paid', 'refunding']);
    });

    test('a dead event lets the later ones pass, is shown, and comes back by a replay, written down once', async () => {
      const productId = await scene.sale();
      const order = await scene.reserve(productId);
      const [event] = await due();
      await scene.charge(order.id, captured('p-w4'));
      const { seq } = event!;
      await scene.ledger.recordWebhooks([{ type: 'dead', seq, cause: 'it answered 404' }]);
      expect(heads(await due())).toEqual([[order.id, 'paid']]);
      expect(await dead()).toEqual([
        {
          ...{ seq, target: A.id, orderId: order.id, status: 'reserved', at: order.createdAt, tries: 1 },
          ...{ cause: 'it answered 404', deadAt: expect.any(Number) },
        },
      ]);
      expect(await scene.ledger.deadWebhooks(A.id, seq, ALL)).toEqual([]);
      expect(await dead(B.id)).toEqual([]);

      const replay = entry('webhooks.replay');
      const others = { targetId: A.id, seqs: [seq + 1_000] };
      expect(await scene.ledger.replayWebhooks(others, ALL, entry('webhooks.replay'))).toBe(0);
      expect(await scene.ledger.replayWebhooks({ targetId: A.id, seqs: [seq] }, ALL, replay)).toBe(1);
      expect(await written(replay)).toMatchObject({
        ...{ id: replay.id, action: 'webhooks.replay', actor: 'grace', details: { replayed: 1 } },
      });
      await scene.ledger.recordWebhooks([{ type: 'dead', seq, cause: 'it answered 404' }]);
      expect(await scene.ledger.replayWebhooks({ targetId: null, seqs: null }, ALL, replay)).toBe(0);
      const again = entry('webhooks.replay');
      expect(await scene.ledger.replayWebhooks({ targetId: null, seqs: null }, ALL, again)).toBe(1);
      expect((await due())[0]).toMatchObject({ seq, tries: 0 });
      // A late word on what was delivered since changes nothing.
      await deliver([event!]);
      await scene.ledger.recordWebhooks([{ type: 'failed', seq, cause: 'late', againAfterMs: 1 }]);
      expect(heads(await due())).toEqual([[order.id, 'paid']]);
    });

    test('a target that is gone is disabled, what it would hear is kept, and enabling makes it due', async () => {
      const productId = await scene.sale();
      const order = await scene.reserve(productId);
      const { seq } = (await due())[0]!;
      const cause = 'it answered 410';
      await scene.ledger.recordWebhooks([
        { type: 'failed', seq, cause: 'it answered 500', againAfterMs: HOUR_MS },
        { type: 'gone', seq, targetId: A.id, cause },
      ]);
      await scene.ledger.setWebhookTargets([A]);
      expect(await scene.ledger.webhookTargets()).toEqual([
        { ...A, disabledAt: expect.any(Number), disabledBecause: cause },
      ]);
      const enable = entry('webhooks.enable');
      expect(await scene.ledger.enableWebhookTarget(B.id, entry('webhooks.enable'))).toBe(false);
      expect(await scene.ledger.enableWebhookTarget(A.id, enable)).toBe(true);
      expect(await scene.ledger.webhookTargets()).toEqual([
        { ...A, disabledAt: null, disabledBecause: null },
      ]);
      expect(await written(enable)).toMatchObject({
        id: enable.id,
        action: 'webhooks.enable',
      });
      expect(heads(await due())).toEqual([[order.id, 'reserved']]);
    });

    test('what a target that is no longer configured has not heard is dead, and a replay leaves it so', async () => {
      await scene.ledger.setWebhookTargets([A, B]);
      const productId = await scene.sale();
      const order = await scene.reserve(productId);
      await scene.ledger.setWebhookTargets([B]);
      expect(await scene.ledger.webhookTargets()).toMatchObject([B]);
      expect(await dead()).toMatchObject([
        { orderId: order.id, cause: 'the target is no longer configured' },
      ]);
      expect(heads(await due(B.id))).toEqual([[order.id, 'reserved']]);
      const choice = { targetId: null, seqs: null };
      expect(await scene.ledger.replayWebhooks(choice, ALL, entry('webhooks.replay'))).toBe(0);
    });

    test('forgets what has been dead for long enough, and ends what a disabled target lets wait', async () => {
      const productId = await scene.sale();
      await scene.reserve(productId);
      const { seq } = (await due())[0]!;
      await scene.ledger.recordWebhooks([{ type: 'gone', seq, targetId: A.id, cause: 'it answered 410' }]);
      await scene.passTime(20);
      expect(await scene.ledger.pruneWebhooks(scene.now() - HOUR_MS, HOUR_MS, ALL)).toBe(0);
      expect(await backlog()).toMatchObject({ waiting: 1, dead: 0 });
      expect(await scene.ledger.pruneWebhooks(scene.now() - HOUR_MS, 5, ALL)).toBe(0);
      expect(await backlog()).toMatchObject({ waiting: 0, dead: 1 });
      await scene.passTime(5);
      expect(await scene.ledger.pruneWebhooks(scene.now(), 5, ALL)).toBe(1);
      expect(await backlog()).toBeUndefined();
    });

    test('targets and what they have not heard outlive the process', async () => {
      const productId = await scene.sale();
      const order = await scene.reserve(productId);
      await scene.reopen();
      await scene.charge(order.id, captured('p-w5'));
      expect(await scene.ledger.webhookTargets()).toMatchObject([A]);
      expect((await hear(productId)).get(order.id)).toEqual(['reserved', 'paid']);
    });
  });
}
