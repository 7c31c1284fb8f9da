import { afterAll, afterEach, beforeAll, describe, expect } from 'bun:test';
import { audit } from '../audit/audit.ts';
import { charging } from './contract/charging.contract.ts';
import { deciding } from './contract/deciding.contract.ts';
import { endings } from './contract/endings.contract.ts';
import { holds } from './contract/holds.contract.ts';
import { keeping } from './contract/keeping.contract.ts';
import { keys } from './contract/keys.contract.ts';
import { late } from './contract/late.contract.ts';
import { limits } from './contract/limits.contract.ts';
import { money } from './contract/money.contract.ts';
import { operations } from './contract/operations.contract.ts';
import { prices } from './contract/prices.contract.ts';
import { queued } from './contract/queued.contract.ts';
import { repeats } from './contract/repeats.contract.ts';
import { retention } from './contract/retention.contract.ts';
import { rounds } from './contract/rounds.contract.ts';
import { sales } from './contract/sales.contract.ts';
import { createScene, type LedgerUnderTest } from './contract/scene.contract.ts';
import { windows } from './contract/windows.contract.ts';

export type { LedgerUnderTest } from './contract/scene.contract.ts';

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
