import { afterEach, beforeEach, expect, test } from 'bun:test';
import { openPurchaseFixture, type PurchaseFixture } from '../../../tests/support/purchase-fixture.ts';
import type { AuditEntry } from '../../domain/audit-entry.ts';
import { createAuditRun } from './audit-run.ts';

let fixture: PurchaseFixture;
beforeEach(async () => {
  fixture = await openPurchaseFixture();
});
afterEach(() => fixture.close());

const REPORT = { pass: true, verdicts: [{ name: 'all is well', pass: true, detail: '' }] };

function operation(): AuditEntry {
  const id = Bun.randomUUIDv7();
  return { id, actor: 'grace', action: 'audit.run', subject: 'books', reason: 'after the sale', details: {} };
}

test('one runs at a time, whichever process is asked, and it is written down', async () => {
  const { promise: finished, resolve: finish } = Promise.withResolvers<void>();
  const audit = async () => {
    await finished;
    return REPORT;
  };
  const [here, there] = ['a', 'b'].map((owner) => createAuditRun({ ledger: fixture.real, audit, owner }));
  const first = here!.run(operation());
  expect(await Promise.all([here!.run(operation()), there!.run(operation())])).toEqual([null, null]);
  finish();
  expect(await first).toMatchObject(REPORT);
  expect(await there!.run(operation())).toMatchObject(REPORT);
  expect(await fixture.real.auditLog(10, null)).toMatchObject([
    { action: 'audit.run', reason: 'after the sale' },
    { action: 'audit.run' },
  ]);
});

test('what became of each is counted, and how many verdicts the last one broke', async () => {
  const reports = [
    REPORT,
    { pass: false, verdicts: [...REPORT.verdicts, { name: 'no oversell', pass: false, detail: '' }] },
    new Error('the books cannot be read'),
    REPORT,
  ];
  const audit = async () => {
    const report = reports.shift()!;
    if (report instanceof Error) throw report;
    return report;
  };
  const run = createAuditRun({ ledger: fixture.real, audit, owner: 'a' });
  expect(run.stats).toEqual({ passed: 0, breached: 0, failed: 0, lastBreaches: 0 });
  await run.run(operation());
  await run.run(operation());
  expect(run.stats).toEqual({ passed: 1, breached: 1, failed: 0, lastBreaches: 1 });
  await expect(run.run(operation())).rejects.toThrow('cannot be read');
  // One that did not see the books takes nothing back.
  expect(run.stats).toEqual({ passed: 1, breached: 1, failed: 1, lastBreaches: 1 });
  await run.run(operation());
  expect(run.stats).toEqual({ passed: 2, breached: 1, failed: 1, lastBreaches: 0 });
});

test('one that takes too long, or is in the way of a shutdown, is stopped', async () => {
  const audit = (stop: AbortSignal) =>
    new Promise<never>((_, reject) => stop.addEventListener('abort', () => reject(new Error('killed'))));
  const slow = createAuditRun({ ledger: fixture.real, audit, owner: 'a', timeoutMs: 10 });
  await expect(slow.run(operation())).rejects.toThrow('The audit was stopped');
  const leaving = createAuditRun({ ledger: fixture.real, audit, owner: 'b' });
  const running = leaving.run(operation()).catch((error) => error.message);
  await Bun.sleep(1);
  await leaving.close();
  expect(await running).toContain('The audit was stopped');
  // Requests still come in while a server drains.
  await expect(leaving.run(operation())).rejects.toMatchObject({ code: 'unavailable' });
});

test('one that fails leaves room for the next', async () => {
  let fails = true;
  const audit = async () => {
    if (fails) throw new Error('for the test');
    return REPORT;
  };
  const run = createAuditRun({ ledger: fixture.real, audit, owner: 'a' });
  await expect(run.run(operation())).rejects.toThrow('for the test');
  fails = false;
  expect(await run.run(operation())).toMatchObject(REPORT);
});
