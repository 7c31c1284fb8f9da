import { expect, test } from 'bun:test';
import { until } from '../../../tests/support/until.ts';
import { followClock } from './clock.ts';

/** A database whose clock is ahead of ours, as far as the test says. */
function databaseWith(offset: () => number, wayMs: () => number = () => 0) {
  return {
    async read<Row>(): Promise<Row[]> {
      const answeredAt = performance.now() + offset();
      const there = wayMs();
      if (there > 0) await Bun.sleep(there);
      return [{ now: answeredAt }] as Row[];
    },
  };
}

const FAR = Date.UTC(2031, 0, 1);

test('the clock is the database’s and goes on by itself', async () => {
  const clock = await followClock(databaseWith(() => FAR));
  const first = clock.now();
  expect(Math.abs(first - (FAR + performance.now()))).toBeLessThan(20);
  await until(() => clock.now() >= first + 5);
  clock.close();
});

test('of several measurements the one with the shortest way counts', async () => {
  let sample = 0;
  // The answer comes at once and its way back is long: half the way is a bad guess then.
  const clock = await followClock(
    databaseWith(
      () => FAR,
      () => (++sample === 2 ? 0 : 200),
    ),
  );
  expect(Math.abs(clock.now() - (FAR + performance.now()))).toBeLessThan(20);
  clock.close();
});

test('a small correction never takes it back, a new clock does', async () => {
  let offset = FAR;
  const clock = await followClock(
    databaseWith(() => offset),
    5,
  );
  const before = clock.now();
  offset -= 300;
  await Bun.sleep(30);
  expect(clock.now()).toBeGreaterThanOrEqual(before);
  offset -= 3_600_000;
  await until(() => clock.now() < before - 3_000_000);
  offset += 3_600_000;
  await until(() => clock.now() >= before);
  clock.close();
});

test('a measurement on a long way does not take the place of a better one', async () => {
  let wayMs = 0;
  let asked = 0;
  const clock = await followClock(
    databaseWith(
      () => FAR + (wayMs > 0 ? 5_000 : 0),
      () => {
        asked++;
        return wayMs;
      },
    ),
    5,
  );
  wayMs = 20;
  const askedBefore = asked;
  await until(() => asked > askedBefore + 6);
  expect(Math.abs(clock.now() - (FAR + performance.now()))).toBeLessThan(20);
  clock.close();
});

test('a database that does not answer is asked again later, and the clock goes on meanwhile', async () => {
  let answers = true;
  let asked = 0;
  const clock = await followClock(
    {
      async read<Row>(): Promise<Row[]> {
        asked++;
        if (!answers) throw new Error('gone');
        return [{ now: FAR + performance.now() }] as Row[];
      },
    },
    5,
  );
  answers = false;
  const [before, askedBefore] = [clock.now(), asked];
  await until(() => asked > askedBefore + 2 && clock.now() > before);
  clock.close();
});

test('a first measurement that fails is an error', async () => {
  const gone = { read: () => Promise.reject(new Error('gone')) };
  await expect(followClock(gone)).rejects.toThrow('gone');
});
