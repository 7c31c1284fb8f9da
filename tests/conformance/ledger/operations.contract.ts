import { expect, test } from 'bun:test';
import type { AuditEntry } from '../../../src/domain/audit-entry.ts';
import type { Scene } from './scene.contract.ts';

/** What operators did is written down once, in order, and found again. */
export function operations(scene: Scene): void {
  const paused = (changes: Partial<AuditEntry> = {}): AuditEntry => ({
    id: Bun.randomUUIDv7(),
    actor: 'grace',
    action: 'sale.pause',
    subject: 'product/1',
    reason: 'wrong price',
    details: { priceMinor: 99_900 },
    ...changes,
  });

  test('an operation is read back as it was written, with its time', async () => {
    const operation = paused();
    const before = scene.now();
    await scene.ledger.log(operation);
    const [{ at, ...read } = { at: 0 }] = await scene.ledger.auditLog(1, null);
    expect(read).toEqual(operation);
    expect(at).toBeGreaterThanOrEqual(before - CLOCK_MS);
    expect(at).toBeLessThanOrEqual(scene.now() + CLOCK_MS);
  });

  test('an operation told again is written down once', async () => {
    const first = paused({ reason: null, details: {} });
    await scene.ledger.log(first);
    const second = paused();
    await scene.ledger.log(second);
    await scene.ledger.log(first);
    const read = await scene.ledger.auditLog(2, null);
    expect(read.map(({ id }) => id)).toEqual([second.id, first.id]);
  });

  test('operations are read in pages, newest first', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) {
      const operation = paused();
      ids.unshift(operation.id);
      await scene.ledger.log(operation);
    }
    const page = await scene.ledger.auditLog(2, null);
    const next = await scene.ledger.auditLog(3, page.at(-1)!.id);
    expect([...page, ...next].map(({ id }) => id)).toEqual(ids);
  });
}

/** A backend's clock as this process knows it may be off by a little. */
const CLOCK_MS = 50;
