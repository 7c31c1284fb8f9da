import { expect, test } from 'bun:test';
import { gateContract } from '../../../tests/conformance/gate.contract.ts';
import { keptLog } from '../../../tests/support/kept-log.ts';
import { AppError } from '../../domain/errors.ts';
import { NO_LOG } from '../../lib/log.ts';
import type { Gate } from '../../ports/gate.ts';
import { openMemoryGate } from '../memory/gate.ts';
import { createBreaker } from './breaker.ts';

const quiet = { monotonicMs: () => performance.now(), log: NO_LOG };

gateContract('behind a breaker', async () => createBreaker(openMemoryGate(), quiet));

const refusedToAnswer = () => new AppError('unavailable', 'It said no.');
const silent = () => new AppError('outcome_unknown', 'It said nothing.');
const stock = { productId: 1, version: 1, available: 5 };

test('three failures in a row open it, and then nothing is asked', async () => {
  const { gate, breaker, heard } = scene();
  gate.fails = refusedToAnswer;
  for (let i = 0; i < 3; i++) expect(await breaker.claim(1, [1], stock)).toEqual({ known: false });
  expect(breaker.breaker).toMatchObject({ isOpen: true, openings: 1 });
  gate.calls = 0;
  expect(await breaker.claim(1, [1], stock)).toEqual({ known: false });
  await breaker.update(stock, 'ifNewer');
  expect(gate.calls).toBe(0);
  expect(heard).toEqual(['The gate is in trouble, purchases go straight to the ledger: It said no.']);
});

test('an answer in between starts the count of failures anew', async () => {
  const { gate, breaker } = scene();
  for (let i = 0; i < 5; i++) {
    gate.fails = i === 2 ? null : refusedToAnswer;
    await breaker.claim(1, [1], stock);
  }
  expect(breaker.breaker.isOpen).toBe(false);
});

test('one call without an answer opens it, and the others that were under way count as the same trouble', async () => {
  const { gate, breaker, heard } = scene();
  gate.fails = silent;
  await Promise.all([1, 2, 3, 4].map(() => breaker.claim(1, [1], stock)));
  expect(breaker.breaker).toMatchObject({ isOpen: true, openings: 1 });
  expect(heard).toHaveLength(1);
});

test('after a pause one probe goes through, which no claim waits for, and its success closes it', async () => {
  const { gate, breaker, heard, pass } = scene();
  gate.fails = silent;
  await breaker.claim(1, [1], stock);
  gate.fails = null;
  pass(101);
  gate.calls = 0;
  expect(await Promise.all([1, 2].map(() => breaker.claim(1, [1], stock)))).toEqual([
    { known: false },
    { known: false },
  ]);
  expect(gate.calls).toBe(1);
  expect(breaker.breaker.isOpen).toBe(false);
  expect(await breaker.claim(1, [1], stock)).toMatchObject({ known: true });
  expect(heard.at(-1)).toBe('The gate answers again.');
});

test('pauses grow with failing probes, to a second at most', async () => {
  const { gate, breaker, pass } = scene();
  gate.fails = silent;
  await breaker.claim(1, [1], stock);
  gate.calls = 0;
  let probes = 0;
  for (let i = 0; i < 20_000 / 10; i++) {
    pass(10);
    await breaker.claim(1, [1], stock);
    if (probes < gate.calls) probes = gate.calls;
  }
  // In 20 s: a few at first, then one or two each second.
  expect(probes).toBeGreaterThan(20);
  expect(probes).toBeLessThan(50);
  gate.fails = null;
  pass(1_001);
  await breaker.ping();
  expect(breaker.breaker.isOpen).toBe(false);
});

test('a gate that keeps falling over is left alone for longer each time', async () => {
  const { gate, breaker, pass } = scene();
  const openForMs: number[] = [];
  for (let round = 0; round < 6; round++) {
    gate.fails = silent;
    await breaker.claim(1, [1], stock);
    gate.fails = null;
    let ms = 0;
    for (; breaker.breaker.isOpen; ms += 10) {
      pass(10);
      await breaker.claim(1, [1], stock);
    }
    openForMs.push(ms);
  }
  expect(openForMs[0]).toBeLessThanOrEqual(110);
  expect(openForMs[5]).toBeGreaterThanOrEqual(500);
});

test('a ping rejects with the reason while it is open, and heals a gate that nobody uses', async () => {
  const { gate, breaker, pass } = scene();
  await breaker.ping();
  gate.fails = silent;
  await breaker.claim(1, [1], stock);
  await expect(breaker.ping()).rejects.toMatchObject({ code: 'unavailable', message: 'It said nothing.' });
  pass(101);
  gate.fails = null;
  await breaker.ping();
  expect(await breaker.claim(1, [1], stock)).toMatchObject({ known: true });
});

test('a ping that fails says so at once, even when that does not open it yet', async () => {
  const { gate, breaker } = scene();
  gate.fails = refusedToAnswer;
  await expect(breaker.ping()).rejects.toMatchObject({ code: 'unavailable' });
  expect(breaker.breaker.isOpen).toBe(false);
});

/** A breaker over a real gate that fails when told to, with a clock that only `pass` moves. */
function scene() {
  const memory = openMemoryGate();
  let nowMs = 1_000;
  const gate = { fails: null as (() => Error) | null, calls: 0 };
  const through = async <T>(call: () => Promise<T>): Promise<T> => {
    gate.calls++;
    if (gate.fails) throw gate.fails();
    return call();
  };
  const faulty: Gate = {
    claim: (...call) => through(() => memory.claim(...call)),
    update: (...call) => through(() => memory.update(...call)),
    forget: (productId) => through(() => memory.forget(productId)),
    ping: () => through(() => memory.ping()),
    close: () => memory.close(),
  };
  const heard: string[] = [];
  const breaker = createBreaker(faulty, {
    monotonicMs: () => nowMs,
    log: keptLog(heard),
  });
  return {
    gate,
    breaker,
    heard,
    pass(ms: number) {
      nowMs += ms;
    },
  };
}
