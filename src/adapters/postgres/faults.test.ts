import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { Client } from 'pg';
import type { PrivateBackend } from '../../../bench/services/private-backend.ts';
import { startPrivateBackend } from '../../../bench/services/private-backends.ts';
import { onDistributedBackends, ownDatabase } from '../../../tests/support/backends.ts';
import { keptLog } from '../../../tests/support/kept-log.ts';
import { openLedger, sql } from '../../../tests/support/postgres-ledger.ts';
import { until } from '../../../tests/support/until.ts';
import { audit } from '../../app/ops/audit.ts';
import type { AuditEntry } from '../../domain/audit-entry.ts';
import { isAppError } from '../../domain/errors.ts';
import { createPurchaseIds, PURCHASE_ID_KEY_BYTES } from '../../domain/ids.ts';
import type { Outcome, Purchase } from '../../domain/purchase.ts';
import type { Ledger } from '../../ports/ledger.ts';
import { openPostgresBooks } from './books.ts';

const mint = createPurchaseIds(new Uint8Array(PURCHASE_ID_KEY_BYTES), Date.now).mint;
/** Half of them cancels; so many that a few are cut off on the quickest machine. */
const ENDINGS = 400;
/** Short, so that a test sees them pass; long enough for an answer on a busy machine. */
const TIMEOUTS = { connectMs: 1_000, statementMs: 1_000 };

onDistributedBackends(() => {
  describe('a connection that is cut', cuts);
  describe('a PostgreSQL that stands still or dies', outages);
});

function request(productId = 1): Purchase {
  const decideBy = Number.MAX_SAFE_INTEGER;
  const plain = {
    quantity: 1,
    customer: 'ann',
    key: null,
    acceptedAt: Date.now(),
    decideBy,
    refusal: null,
    expectedPriceMinor: null,
  };
  return { id: mint(), productId, channel: 'sync', ...plain };
}

async function sale(ledger: Ledger, id = 1): Promise<void> {
  await ledger.addProducts([{ id, name: 'A thing', priceMinor: 1, currency: 'USD', units: 1_000_000 }]);
}

/** Asks until there is an answer, as the batcher's resolver does. */
async function atLast<T>(ask: () => Promise<T>, onUnknown: () => void = () => {}): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (isAppError(error, 'outcome_unknown')) onUnknown();
      else if (!isAppError(error, 'unavailable')) throw error;
      await Bun.sleep(10);
    }
  }
}

async function decideAtLast(ledger: Ledger, purchases: readonly Purchase[]): Promise<Outcome[]> {
  return (await atLast(() => ledger.decide(purchases))).outcomes;
}

function endingOf(action: AuditEntry['action'], orderId: string): AuditEntry {
  return {
    id: Bun.randomUUIDv7(),
    actor: 'ann',
    action,
    subject: `order/${orderId}`,
    reason: null,
    details: {},
  };
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'done',
    (error) => error.code ?? String(error),
  );
}

function cuts(): void {
  let database: Awaited<ReturnType<typeof ownDatabase>>;
  let ledger: Ledger;
  const troubles: string[] = [];
  beforeAll(async () => {
    database = await ownDatabase();
    ({ ledger } = await openLedger(database.url, { log: keptLog(troubles) }));
    await sale(ledger);
  });
  afterAll(async () => {
    await ledger.close();
    await database.close();
  });

  /** Ends all sessions of the ledger, as an administrator would. */
  function endSessions(): Promise<unknown> {
    return sql(
      database.url,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND application_name = 'pulsecart'`,
    );
  }

  test('in the middle of decisions leaves none lost and none made twice', async () => {
    const codes = new Map<string, number>();
    const asked: Purchase[] = [];
    let going = true;
    const trade = async () => {
      while (going) {
        const batch = Array.from({ length: 20 }, () => request());
        asked.push(...batch);
        const code = await codeOf(ledger.decide(batch));
        codes.set(code, (codes.get(code) ?? 0) + 1);
      }
    };
    const traders = [trade(), trade(), trade()];
    const often = () => (codes.get('outcome_unknown') ?? 0) >= 5 && (codes.get('done') ?? 0) >= 20;
    await until(async () => {
      await endSessions();
      await Bun.sleep(5);
      return often();
    }, 20_000);
    going = false;
    await Promise.all(traders);
    expect(
      [...codes.keys()].filter((code) => !['done', 'outcome_unknown', 'unavailable'].includes(code)),
    ).toEqual([]);

    for (let at = 0; at < asked.length; at += 500) {
      const outcomes = await decideAtLast(ledger, asked.slice(at, at + 500));
      expect(outcomes.every(({ kind }) => kind === 'reserved')).toBe(true);
    }
    expect(await ledger.product(1)).toMatchObject({ reserved: asked.length });
    const { read, close } = await openPostgresBooks(database.url);
    expect(audit(await read()).filter(({ pass }) => !pass)).toEqual([]);
    await close();
  });

  test('in the middle of cancels and refunds leaves each done once, and written down once', async () => {
    const productId = 2;
    await sale(ledger, productId);
    const requests = Array.from({ length: ENDINGS }, () => request(productId));
    await decideAtLast(ledger, requests);
    const ids = requests.map(({ id }) => id);
    const paid = await atLast(() => ledger.lease(ids.slice(ENDINGS / 2), 60_000));
    const capture = { type: 'captured', providerId: 'p' } as const;
    await atLast(() =>
      ledger.settle(paid.map(({ order }) => ({ orderId: order.id, attempt: 1, leases: 1, result: capture }))),
    );

    let unknown = 0;
    let next = 0;
    const end = async () => {
      for (let at = next++; at < ids.length; at = next++) {
        const orderId = ids[at]!;
        const operation = endingOf(at < ENDINGS / 2 ? 'order.cancel' : 'order.refund', orderId);
        const ask = () =>
          at < ENDINGS / 2 ? ledger.cancel(orderId, { entry: operation }) : ledger.refund(orderId, operation);
        const ended = await atLast(ask, () => unknown++);
        expect(ended.kind).toBe('done');
        if (at >= ENDINGS / 2) await atLast(() => ledger.settleRefunds([{ orderId, attempt: 1 }]));
      }
    };
    const all = Promise.all([end(), end(), end()]);
    await until(async () => {
      await endSessions();
      await Bun.sleep(20);
      return unknown >= 3 || next >= ids.length;
    }, 20_000);
    await all;
    expect(unknown).toBeGreaterThan(0);
    expect(await ledger.product(productId)).toMatchObject({ reserved: 0, sold: 0, total: 1_000_000 });
    expect(await atLast(() => ledger.auditLog(1_000, null))).toHaveLength(ids.length);
    const { read, close } = await openPostgresBooks(database.url);
    expect(audit(await read()).filter(({ pass }) => !pass)).toEqual([]);
    await close();
  });

  test('while nobody uses it is reported, and the next call works', async () => {
    await Promise.all(Array.from({ length: 4 }, () => ledger.product(1)));
    troubles.length = 0;
    await endSessions();
    await until(() => troubles.length > 0);
    expect(troubles[0]).toBe('a connection to PostgreSQL broke');
    await until(async () => (await codeOf(ledger.product(1))) === 'done');
  });

  test('by a server that turned read-only is `unavailable`, until it takes orders again', async () => {
    const name = new URL(database.url).pathname.slice(1);
    await sql(database.url, `ALTER DATABASE ${name} SET default_transaction_read_only = on`);
    await endSessions();
    await until(async () => (await codeOf(ledger.product(1))) === 'done');
    const purchase = request();
    expect(await codeOf(ledger.decide([purchase]))).toBe('unavailable');
    expect(await codeOf(ledger.ping())).toBe('unavailable');
    expect((await ledger.find([purchase.id])).size).toBe(0);

    const writable = `${database.url}?options=${encodeURIComponent('-c default_transaction_read_only=off')}`;
    await sql(writable, `ALTER DATABASE ${name} RESET ALL`);
    await endSessions();
    await until(async () => (await codeOf(ledger.ping())) === 'done');
    expect(await decideAtLast(ledger, [purchase])).toMatchObject([{ kind: 'reserved' }]);
  });
}

function outages(): void {
  let server: PrivateBackend;
  let ledger: Ledger;
  beforeAll(async () => {
    server = await startPrivateBackend('postgres');
    ({ ledger } = await openLedger(server.url, { poolSize: 2, timeouts: TIMEOUTS }));
    await sale(ledger);
  });
  afterAll(async () => {
    await ledger.close();
    await server.close();
  });

  test('makes a decision unknown and a reading unavailable, and answers when it goes on', async () => {
    await Promise.all([ledger.product(1), ledger.product(1)]);
    const batch = [request(), request()];
    server.pause();
    const codes = await Promise.all([codeOf(ledger.decide(batch)), codeOf(ledger.product(1))]);
    expect(codes).toEqual(['outcome_unknown', 'unavailable']);
    // By now there is no connection, and none to be had.
    expect(await codeOf(ledger.decide([request()]))).toBe('unavailable');
    expect(await codeOf(ledger.ping())).toBe('unavailable');
    server.resume();
    const outcomes = await decideAtLast(ledger, batch);
    expect(outcomes.map(({ kind }) => kind)).toEqual(['reserved', 'reserved']);
    expect(await decideAtLast(ledger, batch)).toMatchObject([{ repeated: true }, { repeated: true }]);
    expect((await ledger.find(batch.map(({ id }) => id))).size).toBe(2);
  });

  test('does not end the process, and what it had answered is there when it comes back', async () => {
    const [first] = await decideAtLast(ledger, [request()]);
    const kept = first as Extract<Outcome, { kind: 'reserved' }>;
    const pending = request();
    const underWay = codeOf(ledger.decide([pending]));
    await server.kill();
    expect(['done', 'outcome_unknown', 'unavailable']).toContain(await underWay);
    expect(await codeOf(ledger.decide([request()]))).toBe('unavailable');
    expect(await codeOf(ledger.ping())).toBe('unavailable');
    await server.restart();
    await until(async () => (await codeOf(ledger.ping())) === 'done');
    expect((await ledger.order(kept.order.id))!.order).toMatchObject(kept.order);
    expect(await decideAtLast(ledger, [pending])).toMatchObject([{ kind: 'reserved' }]);
  });

  test('gives up a lock that somebody else keeps, and says that nothing was done', async () => {
    const { ledger: patient } = await openLedger(server.url, { poolSize: 1 });
    await sale(patient, 2);
    const somebody = new Client({ connectionString: server.url });
    await somebody.connect();
    await somebody.query('BEGIN; SELECT FROM products WHERE id = 2 FOR UPDATE');
    const purchase = request(2);
    const decision = patient.decide([purchase]).catch((error) => error);
    // The pool's only connection is waiting for the lock.
    const { ledger: hasty } = await openLedger(server.url, { poolSize: 1, timeouts: { connectMs: 1_000 } });
    const first = codeOf(hasty.decide([request(2)]));
    await until(async () => (await codeOf(hasty.ping())) === 'unavailable');
    const error = await decision;
    expect([error.code, error.message]).toEqual(['unavailable', expect.stringContaining('lock timeout')]);
    expect(await first).toBe('unavailable');
    await somebody.query('COMMIT');
    await somebody.end();
    expect((await patient.find([purchase.id])).size).toBe(0);
    expect(await decideAtLast(patient, [purchase])).toMatchObject([{ repeated: false }]);
    await Promise.all([patient.close(), hasty.close()]);
  });
}
