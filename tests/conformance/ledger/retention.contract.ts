import { expect, test } from 'bun:test';
import { createPurchaseIds, PURCHASE_ID_KEY_BYTES } from '../../../src/domain/ids.ts';
import type { PruneBefore } from '../../../src/ports/housekeeping.ts';
import type { Scene } from './scene.contract.ts';

const DAY_MS = 86_400_000;

/** What is kept no longer than asked for, a bounded number of rows at a time, and what is kept all the same. */
export function retention(scene: Scene): void {
  /** Long before anything that other tests leave behind; a later test's times are later. */
  let lastMs = Date.now() - 30 * DAY_MS;
  const nextMs = () => (lastMs += 1_000);

  const idAt = (ms: number) => createPurchaseIds(new Uint8Array(PURCHASE_ID_KEY_BYTES), () => ms).mint();
  const prune = (before: Partial<PruneBefore>, limit = 100) =>
    scene.ledger.prune({ outcomes: 0, keys: 0, auditEntries: 0, ...before }, limit);
  const keyOf = (value: string) => ({ scope: 'async:customer:ann', value, fingerprint: '1:1' });

  /** An async purchase of that time which was refused. */
  async function refused(ms: number): Promise<string> {
    const productId = await scene.sale({ units: 0 });
    const purchase = scene.purchase(productId, { id: idAt(ms), channel: 'async' });
    await scene.decide(purchase);
    return purchase.id;
  }

  async function known(...ids: string[]): Promise<string[]> {
    const found = await scene.ledger.find(ids);
    return ids.map((id) => found.get(id)?.kind ?? 'nothing');
  }

  test('old outcomes are forgotten, younger ones are not, and every decision is still counted', async () => {
    const [old, atTheTime] = [nextMs(), nextMs()];
    const ids = [await refused(old), await refused(atTheTime)];
    const { decided } = await scene.ledger.asyncCounts();
    expect(await prune({ outcomes: atTheTime })).toMatchObject({ outcomes: 1 });
    expect(await known(...ids)).toEqual(['nothing', 'refused']);
    expect((await scene.ledger.asyncCounts()).decided).toBe(decided);
    expect(await prune({ outcomes: atTheTime })).toMatchObject({ outcomes: 0 });
  });

  test('no more than asked for are forgotten at once, the oldest first', async () => {
    const ids = [await refused(nextMs()), await refused(nextMs()), await refused(nextMs())];
    const before = { outcomes: nextMs() };
    // One that an earlier test left may be before them.
    while ((await known(ids[0]!))[0] === 'refused') await prune(before, 1);
    expect(await known(...ids)).toEqual(['nothing', 'refused', 'refused']);
    expect(await prune(before, 1)).toMatchObject({ outcomes: 1 });
    expect(await known(...ids)).toEqual(['nothing', 'nothing', 'refused']);
  });

  test('orders are kept, however old', async () => {
    const productId = await scene.sale();
    const id = idAt(nextMs());
    await scene.reserve(productId, { id, channel: 'async' });
    await prune({ outcomes: nextMs(), keys: nextMs() });
    expect(await known(id)).toEqual(['order']);
  });

  test('old keys are forgotten, and can be bound anew', async () => {
    const [old, young] = [nextMs(), nextMs()];
    const first = idAt(old);
    const second = idAt(young);
    await scene.ledger.bindKeys([
      { key: keyOf(first), purchaseId: first, acceptedAt: old },
      { key: keyOf(second), purchaseId: second, acceptedAt: young },
    ]);
    expect(await prune({ keys: young })).toMatchObject({ keys: 1 });
    const again = idAt(young);
    const bound = await scene.ledger.bindKeys([
      { key: keyOf(first), purchaseId: again, acceptedAt: young },
      { key: keyOf(second), purchaseId: again, acceptedAt: young },
    ]);
    expect(bound.map(({ purchaseId }) => purchaseId)).toEqual([again, second]);
    await prune({ keys: nextMs() });
  });

  test('a purchase that waits for an operator keeps its mark and its key until that is over', async () => {
    const old = nextMs();
    const id = idAt(old);
    await scene.ledger.bindKeys([{ key: keyOf(id), purchaseId: id, acceptedAt: old }]);
    await scene.ledger.countAttempts([id]);
    await scene.ledger.markNeedsAttention([id], true);
    const before = { outcomes: nextMs(), keys: nextMs() };
    expect(await prune(before)).toMatchObject({ keys: 0 });
    expect(await known(id)).toEqual(['needs_attention']);
    await scene.ledger.markNeedsAttention([id], false);
    expect(await prune(before)).toMatchObject({ keys: 1 });
    expect(await scene.ledger.countAttempts([id])).toEqual([1]);
  });

  test('old audit entries are forgotten, the oldest first', async () => {
    const times = [nextMs(), nextMs(), nextMs()];
    const ids = times.map((ms) => Bun.randomUUIDv7('hex', ms));
    for (const id of ids) {
      await scene.ledger.log({
        id,
        actor: 'grace',
        action: 'audit.run',
        subject: 'the books',
        reason: null,
        details: {},
      });
    }
    expect(await prune({ auditEntries: times[2]! }, 1)).toMatchObject({ auditEntries: 1 });
    expect(await prune({ auditEntries: times[2]! })).toMatchObject({ auditEntries: 1 });
    const kept = (await scene.ledger.auditLog(100, null)).map(({ id }) => id);
    expect(ids.map((id) => kept.includes(id))).toEqual([false, false, true]);
    await prune({ auditEntries: nextMs() });
  });

  test('two that forget at once count each row once', async () => {
    const ids = [];
    for (let i = 0; i < 10; i++) ids.push(await refused(nextMs()));
    const before = { outcomes: nextMs() };
    const counts = await Promise.all(Array.from({ length: 4 }, () => prune(before)));
    let forgotten = counts.reduce((sum, { outcomes }) => sum + outcomes, 0);
    forgotten += (await prune(before)).outcomes;
    expect(forgotten).toBeGreaterThanOrEqual(10);
    expect(await known(...ids)).toEqual(ids.map(() => 'nothing'));
  });
}
