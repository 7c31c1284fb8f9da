import { afterEach, beforeEach, expect, test } from 'bun:test';
import { openPurchaseFixture, type PurchaseFixture } from '../../../tests/support/purchase-fixture.ts';
import { until } from '../../../tests/support/until.ts';
import type { AuditEntry } from '../../domain/audit-entry.ts';
import { AppError } from '../../domain/errors.ts';
import type { RushProgress, RushRequest, RushResult } from '../../domain/rush.ts';
import { createRushRun, type RushRun } from './rush-run.ts';

const URL = 'http://127.0.0.1:1';
const REQUEST: RushRequest = { productId: 1, users: 100, rate: 10, mode: 'both', units: null };
const RESULT = { granted: 7, verdicts: [] } as unknown as RushResult;
const PROGRESS = { elapsedMs: 1, offered: 3 } as RushProgress;

let fixture: PurchaseFixture;
let runs: RushRun[];
let notes = 0;
/** The crowd under way. */
let crowd: PromiseWithResolvers<RushResult> & { onProgress(progress: RushProgress): void; signals: string[] };
beforeEach(async () => {
  fixture = await openPurchaseFixture();
  runs = [];
});
afterEach(async () => {
  await Promise.all(runs.map((run) => run.close()));
  await fixture.close();
});

function open(owner: string): RushRun {
  const run = createRushRun({
    ledger: {
      ...fixture.ledger,
      async setNote(name, value) {
        await fixture.ledger.setNote(name, value);
        notes++;
      },
    },
    clock: fixture.clock,
    owner,
    child(_, __, onProgress) {
      const signals: string[] = [];
      const { promise, resolve, reject } = Promise.withResolvers<RushResult>();
      crowd = { promise, resolve, reject, onProgress, signals };
      const kill = () => reject(new AppError('unavailable', 'It was killed.'));
      return { result: promise, callBack: () => void signals.push('SIGINT'), kill };
    },
    noteEveryMs: 2,
  });
  runs.push(run);
  return run;
}

function entry(): AuditEntry {
  const id = Bun.randomUUIDv7();
  return { id, actor: 'grace', action: 'rush.start', subject: 'product/1', reason: 'to see it', details: {} };
}

test('one at a time, and every process knows how far it is and how it ended', async () => {
  const [here, there] = [open('a'), open('b')];
  expect(await there.state()).toMatchObject({ state: 'none' });
  expect(await here.start(entry(), REQUEST, URL)).toMatchObject({ state: 'running', request: REQUEST });
  expect(await Promise.all([here, there].map((run) => run.start(entry(), REQUEST, URL)))).toEqual([
    null,
    null,
  ]);
  crowd.onProgress(PROGRESS);
  await until(async () => (await there.state()).progress?.offered === 3);
  crowd.resolve(RESULT);
  await until(async () => (await there.state()).state === 'done');
  expect(await there.state()).toEqual(await here.state());
  expect(await there.state()).toMatchObject({ result: { granted: 7 }, message: null });
  await until(async () => (await there.start(entry(), REQUEST, URL)) !== null);
});

test('another process calls it back, and it is judged as far as it came', async () => {
  const [here, there] = [open('a'), open('b')];
  await here.start(entry(), REQUEST, URL);
  expect(await there.stop({ ...entry(), action: 'rush.stop' })).toMatchObject({ state: 'running' });
  await until(() => crowd.signals.length > 0);
  crowd.resolve(RESULT);
  await until(async () => (await there.state()).state === 'stopped');
  expect(await there.state()).toMatchObject({ result: { granted: 7 }, message: 'An operator stopped it.' });
  expect(crowd.signals).toEqual(['SIGINT']);
  expect((await fixture.real.auditLog(1, null))[0]).toMatchObject({ action: 'rush.stop' });
  // The next one is not the one that was called back.
  await until(async () => (await here.start(entry(), REQUEST, URL)) !== null);
  await until(async () => (await there.state()).state === 'running');
  expect(crowd.signals).toEqual([]);
});

test('why one failed is told', async () => {
  const run = open('a');
  await run.start(entry(), REQUEST, URL);
  crowd.reject(new AppError('unavailable', '512 connections are as many open files'));
  await until(async () => (await run.state()).state === 'failed');
  expect(await run.state()).toMatchObject({
    result: null,
    message: '512 connections are as many open files',
  });
});

test('one whose process died is over after some seconds, and another one can begin', async () => {
  const there = open('b');
  await fixture.real.holdLead('rush', 'a', 10_000);
  expect(await there.start(entry(), REQUEST, URL)).toBeNull();
  await fixture.real.setNote(
    'rush',
    JSON.stringify({ id: 'x', rush: { state: 'running', request: REQUEST } }),
  );
  expect(await there.state()).toMatchObject({ state: 'running' });
  fixture.passTime(10_000);
  expect(await there.state()).toMatchObject({
    state: 'failed',
    message: 'The process that ran it has ended.',
  });
  expect(await there.start(entry(), REQUEST, URL)).not.toBeNull();
});

test('one that lasts stays the only one', async () => {
  const [here, there] = [open('a'), open('b')];
  await here.start(entry(), { ...REQUEST, users: 100_000 }, URL);
  for (let i = 0; i < 4; i++) {
    const before = notes;
    await until(() => notes > before + 2);
    fixture.passTime(6_000);
    expect(await there.start(entry(), REQUEST, URL)).toBeNull();
  }
});

test('a process that leaves ends it, and begins none', async () => {
  const [here, there] = [open('a'), open('b')];
  await here.start(entry(), REQUEST, URL);
  await here.close();
  expect(await there.state()).toMatchObject({ state: 'stopped', message: 'The server was stopped.' });
  await expect(here.start(entry(), REQUEST, URL)).rejects.toMatchObject({ code: 'unavailable' });
  expect(await there.start(entry(), REQUEST, URL)).not.toBeNull();
});
