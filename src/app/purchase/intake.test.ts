import { afterEach, expect, test } from 'bun:test';
import {
  ANSWER_WITHIN_MS,
  countKinds,
  keyOf,
  openPurchaseFixture,
  type PurchaseFixture,
} from '../../../tests/support/purchase-fixture.ts';
import { until } from '../../../tests/support/until.ts';
import { AppError } from '../../domain/errors.ts';
import { NO_LOG } from '../../lib/log.ts';
import { type Accepted, createIntake, type Intake, type IntakeRequest, UnknownAcceptance } from './intake.ts';
import { createWorker } from './worker.ts';

let fixture: PurchaseFixture;
afterEach(async () => {
  expect(await fixture.breaches()).toEqual([]);
  await fixture.close();
});

function intake(answerWithinMs = ANSWER_WITHIN_MS): Intake {
  return createIntake(fixture.ledger, fixture.queue, fixture.stockCache, fixture.ids, fixture.clock, {
    publishesInFlightMax: 1,
    answerWithinMs,
  });
}

function request(changes: Partial<IntakeRequest> = {}): IntakeRequest {
  return { productId: 1, quantity: 1, customer: null, key: null, expectedPriceMinor: null, ...changes };
}

const key = (value: string, fingerprint = '1:1') =>
  keyOf(value, { scope: 'async:customer:ann', fingerprint });

function idOf(accepted: Accepted): string {
  if (accepted.kind !== 'accepted') throw new Error(accepted.kind);
  return accepted.trackingId;
}

async function waiting(): Promise<number> {
  return (await fixture.realQueue.status())[0]!.ready;
}

/** Lets a worker decide everything that waits; answers what became of these. */
async function decideAll(trackingIds: readonly string[]): Promise<Record<string, number>> {
  const worker = createWorker(fixture.real, fixture.realQueue, fixture.batcher(), fixture.clock, {
    batchesMax: 1,
    purchaseTtlMs: 1e9,
    ids: fixture.ids,
    log: NO_LOG,
  });
  await worker.start();
  await until(async () => {
    const { ready, unacknowledged } = (await fixture.realQueue.status())[0]!;
    return ready + unacknowledged === 0;
  });
  await worker.close();
  const found = await fixture.real.find(trackingIds);
  return countKinds(trackingIds.map((id) => found.get(id) ?? { kind: 'nothing' }));
}

test('purchases that come together travel in few messages, and each has a tracking id of its own', async () => {
  fixture = await openPurchaseFixture({ units: 600 });
  const batcher = intake();
  const accepted = await Promise.all(Array.from({ length: 600 }, () => batcher.accept(request())));
  expect(batcher.stats).toMatchObject({ accepted: 600, inside: 0 });
  expect(batcher.stats.messages).toBeLessThanOrEqual(4);
  expect(await waiting()).toBe(600);
  const ids = accepted.map(idOf);
  expect(new Set(ids).size).toBe(600);
  expect(await decideAll(ids)).toEqual({ order: 600 });
});

test('an accepted purchase keeps what was asked for until it is decided', async () => {
  fixture = await openPurchaseFixture();
  const trackingId = idOf(await intake().accept(request({ quantity: 3, customer: 'grüße', key: key('k') })));
  expect(await decideAll([trackingId])).toEqual({ order: 1 });
  const { order } = (await fixture.real.order(trackingId))!;
  expect(order).toMatchObject({ quantity: 3, customer: 'grüße', channel: 'async' });
});

test('an unknown product is not accepted', async () => {
  fixture = await openPurchaseFixture();
  expect(await intake().accept(request({ productId: 77 }))).toEqual({ kind: 'unknown_product' });
  expect(await waiting()).toBe(0);
});

test('the same key gets the same tracking id and one order, before its decision and after', async () => {
  fixture = await openPurchaseFixture();
  const [batcher, elsewhere] = [intake(), intake()];
  const first = await batcher.accept(request({ key: key('k') }));
  const duplicates = await Promise.all([
    batcher.accept(request({ key: key('k') })),
    elsewhere.accept(request({ key: key('k') })),
  ]);
  const repeat = { ...first, isRepeat: true } as const;
  expect(duplicates).toEqual([repeat, repeat]);
  expect(await decideAll([idOf(first)])).toEqual({ order: 1 });
  expect(await batcher.accept(request({ key: key('k') }))).toEqual(repeat);
  expect(await waiting()).toBe(0);
  expect(await fixture.units()).toEqual({ available: 99, reserved: 1 });
});

test('duplicates of one moment get one tracking id and one order', async () => {
  fixture = await openPurchaseFixture();
  const batcher = intake();
  const duplicates = await Promise.all([1, 2, 3].map(() => batcher.accept(request({ key: key('k') }))));
  expect(new Set(duplicates.map(idOf)).size).toBe(1);
  expect(await decideAll(duplicates.map(idOf))).toEqual({ order: 3 });
  expect(await fixture.units()).toEqual({ available: 99, reserved: 1 });
});

test('a key with another request is a mismatch, and its neighbours are accepted', async () => {
  fixture = await openPurchaseFixture();
  const batcher = intake();
  await batcher.accept(request({ key: key('k') }));
  const answers = await Promise.all([
    batcher.accept(request()),
    batcher.accept(request({ quantity: 2, key: key('k', '1:2') })),
    batcher.accept(request({ key: key('another') })),
  ]);
  expect(answers.map(({ kind }) => kind)).toEqual(['accepted', 'mismatch', 'accepted']);
  expect(await waiting()).toBe(3);
});

test('a sell-out known at acceptance is said by the id and needs no queue', async () => {
  fixture = await openPurchaseFixture({ units: 0 });
  const batcher = intake();
  const soldOut = idOf(await batcher.accept(request({ quantity: 2 })));
  expect(fixture.ids.read(soldOut)).toMatchObject({ soldOut: { productId: 1, quantity: 2 } });
  expect(await waiting()).toBe(0);

  const others = [
    idOf(await batcher.accept(request({ key: key('k') }))),
    idOf(await batcher.accept(request({ quantity: 9 }))),
  ];
  expect(others.map((id) => fixture.ids.read(id)!.soldOut)).toEqual([null, null]);
  expect(await decideAll(others)).toEqual({ sold_out: 2 });
  expect(batcher.stats.accepted).toBe(3);
  await batcher.close();
  expect(await fixture.real.asyncCounts()).toEqual({ accepted: 3, decided: 3 });
});

test('a queue that surely took nothing is unavailable, and nothing is decided', async () => {
  fixture = await openPurchaseFixture();
  fixture.queue.publish = async () => {
    throw new AppError('unavailable', 'down for the test');
  };
  const failure = await intake()
    .accept(request())
    .catch((error) => error);
  expect(failure).toMatchObject({ code: 'unavailable' });
  expect(failure).not.toBeInstanceOf(UnknownAcceptance);
  expect(await waiting()).toBe(0);
});

test('a confirm that was lost is an unknown acceptance with the tracking id that leads to the outcome', async () => {
  fixture = await openPurchaseFixture();
  fixture.queue.publish = async (...args) => {
    await fixture.realQueue.publish(...args);
    throw new AppError('outcome_unknown', 'no confirm');
  };
  const batcher = intake();
  const [plain, keyed] = await Promise.all(
    [request(), request({ key: key('k') })].map((one) => batcher.accept(one).catch((error) => error)),
  );
  expect([plain, keyed]).toEqual([expect.any(UnknownAcceptance), expect.any(UnknownAcceptance)]);
  fixture.queue.publish = fixture.realQueue.publish;
  expect(idOf(await batcher.accept(request({ key: key('k') })))).toBe(keyed.trackingId);
  expect(await decideAll([plain.trackingId, keyed.trackingId])).toEqual({ order: 2 });
  expect(await fixture.units()).toEqual({ available: 98, reserved: 2 });
});

test('keys that cannot be kept refuse their purchases as not taken, and no others', async () => {
  fixture = await openPurchaseFixture();
  fixture.ledger.bindKeys = async () => {
    throw new AppError('outcome_unknown', 'cut for the test');
  };
  const batcher = intake();
  const answers = await Promise.allSettled([
    batcher.accept(request({ key: key('k') })),
    batcher.accept(request()),
  ]);
  expect(answers).toMatchObject([
    { status: 'rejected', reason: { code: 'unavailable' } },
    { status: 'fulfilled' },
  ]);
  expect(await waiting()).toBe(1);
});

test('P7 one deadline: keys that are kept too late refuse their purchases, whenever that is', async () => {
  fixture = await openPurchaseFixture();
  const { bindKeys } = fixture.ledger;
  const batcher = intake(150);
  // Overdue purchases are looked for every 100 ms, so many of these fall between the end of the time and the next look.
  for (const tookMs of [152, 160, 170, 180, 190]) {
    const arrivedAtMs = performance.now();
    fixture.ledger.bindKeys = async (bindings) => {
      while (performance.now() - arrivedAtMs < tookMs) await Bun.sleep(1);
      return bindKeys(bindings);
    };
    const failure = await batcher.accept(request({ key: key(`k${tookMs}`) })).catch((error) => error);
    expect(failure).toMatchObject({ code: 'unavailable' });
  }
  expect(batcher.stats.inside).toBe(0);
  expect(await waiting()).toBe(0);
  await batcher.close();
});

test('the window is judged at acceptance, and stands when the purchase is decided', async () => {
  fixture = await openPurchaseFixture({ opensAt: Date.now() + 60_000, closesAt: Date.now() + 120_000 });
  const batcher = intake();
  const early = idOf(await batcher.accept(request()));
  fixture.passTime(90_000);
  const inTime = idOf(await batcher.accept(request()));
  fixture.passTime(60_000);
  const late = idOf(await batcher.accept(request()));
  expect(await decideAll([early])).toEqual({ sale_not_open: 1 });
  expect(await decideAll([inTime])).toEqual({ order: 1 });
  expect(await decideAll([late])).toEqual({ sale_closed: 1 });
});

test('a key that came in time is not refused because its retry came after the end', async () => {
  fixture = await openPurchaseFixture({ closesAt: Date.now() + 60_000 });
  const batcher = intake();
  const { publish } = fixture.queue;
  fixture.queue.publish = async () => {
    throw new AppError('outcome_unknown', 'lost for the test');
  };
  const lost = await batcher.accept(request({ key: key('k') })).catch((error) => error);
  fixture.queue.publish = publish;
  fixture.passTime(61_000);
  const trackingId = idOf(await batcher.accept(request({ key: key('k') })));
  expect(trackingId).toBe(lost.trackingId);
  expect(await decideAll([trackingId])).toEqual({ order: 1 });
});

test('P8 a caller who left before the purchase was taken leaves nothing behind, no bound key either', async () => {
  fixture = await openPurchaseFixture();
  const batcher = intake();
  let isGone = false;
  const goes = batcher.accept(request({ key: key('k') }), () => isGone);
  const stays = batcher.accept(request({ quantity: 2, key: key('another', '1:2') }));
  isGone = true;
  await expect(goes).rejects.toMatchObject({ code: 'unavailable' });
  expect(await decideAll([idOf(await stays)])).toEqual({ order: 1 });
  expect(batcher.stats).toMatchObject({ accepted: 1, inside: 0 });
  // A key that had been bound would be another purchase's.
  expect(idOf(await batcher.accept(request({ quantity: 3, key: key('k', '1:3') })))).toBeString();
});

test('closing answers everybody inside and then refuses', async () => {
  fixture = await openPurchaseFixture();
  const { promise: go, resolve: letGo } = Promise.withResolvers<void>();
  fixture.queue.publish = async (...args) => {
    await go;
    return fixture.realQueue.publish(...args);
  };
  const batcher = intake();
  const accepted = Array.from({ length: 300 }, () => batcher.accept(request()));
  await until(() => batcher.stats.inside === 300);
  const closed = batcher.close();
  await expect(batcher.accept(request())).rejects.toMatchObject({ code: 'unavailable' });
  letGo();
  await closed;
  expect(countKinds(await Promise.all(accepted))).toEqual({ accepted: 300 });
  expect(await waiting()).toBe(300);
});
