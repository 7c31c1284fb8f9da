import { afterAll, afterEach, beforeAll, describe, expect } from 'bun:test';
import { audit } from '../app/ops/audit.ts';
import { charging } from './ledger-contract/charging.contract.ts';
import { deciding } from './ledger-contract/deciding.contract.ts';
import { endings } from './ledger-contract/endings.contract.ts';
import { holds } from './ledger-contract/holds.contract.ts';
import { keeping } from './ledger-contract/keeping.contract.ts';
import { keys } from './ledger-contract/keys.contract.ts';
import { late } from './ledger-contract/late.contract.ts';
import { limits } from './ledger-contract/limits.contract.ts';
import { money } from './ledger-contract/money.contract.ts';
import { operations } from './ledger-contract/operations.contract.ts';
import { prices } from './ledger-contract/prices.contract.ts';
import { queued } from './ledger-contract/queued.contract.ts';
import { repeats } from './ledger-contract/repeats.contract.ts';
import { retention } from './ledger-contract/retention.contract.ts';
import { rounds } from './ledger-contract/rounds.contract.ts';
import { sales } from './ledger-contract/sales.contract.ts';
import { createScene, type LedgerUnderTest } from './ledger-contract/scene.contract.ts';
import { windows } from './ledger-contract/windows.contract.ts';

export type { LedgerUnderTest } from './ledger-contract/scene.contract.ts';

/** More than any test leaves behind. */
const EXPIRE_ALL = 10_000;

/**
 * What every ledger must do, whatever engine keeps it. `make` answers an empty ledger that shares nothing with others; one
 * serves all tests, and after each of them the audit must find the books balanced.
 */
export function ledgerContract(name: string, make: () => Promise<LedgerUnderTest>): void {
  describe(`ledger: ${name}`, () => {
    let made: LedgerUnderTest;
    const scene = createScene(() => made);

    beforeAll(async () => {
      made = await make();
    });
    afterAll(() => made.close());
    afterEach(async () => {
      await made.ledger.expireOverdue(EXPIRE_ALL);
      expect(audit(await made.books.read()).filter(({ pass }) => !pass)).toEqual([]);
    });

    for (const topic of [
      deciding,
      windows,
      limits,
      prices,
      rounds,
      repeats,
      keys,
      queued,
      charging,
      holds,
      endings,
      late,
      keeping,
      operations,
      retention,
      sales,
      money,
    ]) {
      topic(scene);
    }
  });
}
