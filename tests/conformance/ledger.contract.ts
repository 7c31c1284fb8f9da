import { afterAll, afterEach, beforeAll, describe, expect } from 'bun:test';
import { audit } from '../../src/app/ops/audit.ts';
import { cancelsAndRefunds } from './ledger/cancel-refund.contract.ts';
import { charging } from './ledger/charging.contract.ts';
import { deciding } from './ledger/deciding.contract.ts';
import { descriptions } from './ledger/descriptions.contract.ts';
import { hidden } from './ledger/hidden.contract.ts';
import { history } from './ledger/history.contract.ts';
import { holds } from './ledger/holds.contract.ts';
import { keeping } from './ledger/keeping.contract.ts';
import { keys } from './ledger/keys.contract.ts';
import { late } from './ledger/late.contract.ts';
import { limits } from './ledger/limits.contract.ts';
import { money } from './ledger/money.contract.ts';
import { operations } from './ledger/operations.contract.ts';
import { prices } from './ledger/prices.contract.ts';
import { providerEvents } from './ledger/provider-events.contract.ts';
import { queued } from './ledger/queued.contract.ts';
import { repeats } from './ledger/repeats.contract.ts';
import { retention } from './ledger/retention.contract.ts';
import { rounds } from './ledger/rounds.contract.ts';
import { sales } from './ledger/sales.contract.ts';
import { createScene, type LedgerUnderTest } from './ledger/scene.contract.ts';
import { searching } from './ledger/searching.contract.ts';
import { webhooks } from './ledger/webhooks.contract.ts';
import { windows } from './ledger/windows.contract.ts';

export type { LedgerUnderTest } from './ledger/scene.contract.ts';

/** More than any test leaves behind. */
const EXPIRE_ALL = 10_000;

/**
 * What every ledger must do, whatever backend keeps it. `make` answers an empty ledger that shares nothing with others; one
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
      cancelsAndRefunds,
      late,
      keeping,
      operations,
      history,
      retention,
      sales,
      descriptions,
      hidden,
      money,
      searching,
      webhooks,
      providerEvents,
    ]) {
      topic(scene);
    }
  });
}
