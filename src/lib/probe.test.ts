import { expect, test } from 'bun:test';
import { AppError } from '../domain/errors.ts';
import { createProbe } from './probe.ts';

/** A probe whose works end when the test says so. */
function scene({ limitMs = 10_000 } = {}) {
  const works: PromiseWithResolvers<void>[] = [];
  let nowMs = 0;
  const probe = createProbe(
    () => {
      const work = Promise.withResolvers<void>();
      works.push(work);
      return work.promise;
    },
    { monotonicMs: () => nowMs, limitMs },
  );
  return { works, probe, pass: (ms: number) => (nowMs += ms) };
}

const codeOf = (asked: Promise<void>) =>
  asked.then(
    () => 'yes',
    (error: AppError) => error.code,
  );

test('those who ask while the work is under way, or within a second of its begin, share it', async () => {
  const { works, probe, pass } = scene();
  const first = [probe(), probe()];
  pass(900);
  first.push(probe());
  works[0]!.resolve();
  await Promise.all(first);
  await probe();
  expect(works).toHaveLength(1);
  pass(100);
  const second = codeOf(probe());
  works[1]!.reject(new Error('the disk is full'));
  expect(await second).toBe('unavailable');
  expect(await codeOf(probe())).toBe('unavailable');
  pass(1_000);
  const third = codeOf(probe());
  works[2]!.resolve();
  expect(await third).toBe('yes');
  expect(works).toHaveLength(3);
});

test('a no is `unavailable`, and says why', async () => {
  const { works, probe } = scene();
  const asked = probe().catch((error) => error);
  works[0]!.reject(new AppError('outcome_unknown', 'The disk failed.'));
  expect(await asked).toMatchObject({ code: 'unavailable', message: 'The disk failed.' });
});

test('work that hangs is a no at once for those who come later, and is not begun again before it has ended', async () => {
  const { works, probe, pass } = scene({ limitMs: 20 });
  expect(await codeOf(probe())).toBe('unavailable');
  pass(5_000);
  expect(await codeOf(probe())).toBe('unavailable');
  expect(works).toHaveLength(1);
  works[0]!.resolve();
  await works[0]!.promise;
  await Promise.resolve();
  const again = codeOf(probe());
  expect(works).toHaveLength(2);
  works[1]!.resolve();
  expect(await again).toBe('yes');
});
