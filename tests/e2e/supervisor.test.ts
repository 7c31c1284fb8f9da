import { expect, test } from 'bun:test';
import { isAlive } from '../../bench/services/processes.ts';
import { onDistributedBackends } from '../support/backends.ts';
import { eventually } from '../support/shop.ts';
import { holdStarts, openSupervised, type Supervised } from '../support/supervised.ts';
import { until } from '../support/until.ts';

/**
 * What the supervisor says is true, whenever a signal comes or a process dies. Processes are kept from getting ready by a lock
 * on the table that each of them reads first, so that every "while it starts" is one. The tests wait most of their time, for
 * instances that go on answering for two seconds when they are replaced, so they wait together.
 */

const TIMEOUT_MS = 180_000;
/** A start on a busy machine takes less. */
const START_TIMEOUT_MS = 20_000;
/** Three processes start for it, one after the other, and each of the old ones goes on answering for two seconds. */
const REPLACED_DEADLINE_MS = 90_000;
const ALL_REPLACED = 'all instances replaced';
const GIVEN_UP = 'a replacement did not start; the running instances stay';

onDistributedBackends(() => {
  test.concurrent(
    'P9 a SIGHUP during the first start, with none or one of three ready, replaces all that were started before it',
    async () => {
      await using supervised = await openSupervised(3);
      let second: Awaited<ReturnType<typeof holdStarts>>;
      let before: number[];
      {
        await using first = await holdStarts(supervised.databaseUrl);
        supervised.start();
        await first.untilWaiting(1);
        supervised.signal('SIGHUP');
        // Next in line behind the first instance, and before the others.
        second = await holdStarts(supervised.databaseUrl, first);
      }
      {
        await using _ = second;
        await second.untilWaiting(2);
        before = supervised.instances();
        expect(before).toHaveLength(3);
        supervised.signal('SIGHUP');
        expect(supervised.said('ready')).toBe(0);
      }
      await until(() => supervised.said(ALL_REPLACED) > 0, REPLACED_DEADLINE_MS);
      expect(supervised.instances()).toHaveLength(3);
      expect(supervised.instances().filter((pid) => before.includes(pid))).toEqual([]);
      expect(supervised.said(ALL_REPLACED)).toBe(1);
      expect(supervised.said('instance replaced')).toBe(3);
      expect(supervised.messages().indexOf('ready')).toBeLessThan(
        supervised.messages().indexOf(ALL_REPLACED),
      );
    },
    TIMEOUT_MS,
  );

  test.concurrent(
    'P9 a SIGHUP while an instance starts in the place of a dead one replaces that one, too',
    async () => {
      await using supervised = await openSupervised(2);
      await supervised.startUp();
      const [killed] = supervised.instances() as [number];
      let before: number[];
      {
        await using held = await holdStarts(supervised.databaseUrl);
        process.kill(killed, 'SIGKILL');
        await held.untilWaiting(1);
        before = supervised.instances();
        expect(before).toHaveLength(2);
        supervised.signal('SIGHUP');
        // The one that runs may not be replaced before that: it would be the only one.
        expect(supervised.said(ALL_REPLACED)).toBe(0);
      }
      await until(() => supervised.said(ALL_REPLACED) > 0, REPLACED_DEADLINE_MS);
      expect(supervised.instances()).toHaveLength(2);
      expect(supervised.instances().filter((pid) => before.includes(pid))).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test.concurrent(
    'P9 SIGHUPs that come during a replacement come to one more, and the end is said when it is over',
    async () => {
      await using supervised = await openSupervised(2);
      await supervised.startUp();
      let before: number[];
      {
        await using held = await holdStarts(supervised.databaseUrl);
        supervised.signal('SIGHUP');
        await held.untilWaiting(1);
        before = supervised.instances();
        expect(before).toHaveLength(3);
        for (let i = 0; i < 3; i++) supervised.signal('SIGHUP');
      }
      await until(() => supervised.said(ALL_REPLACED) > 0, REPLACED_DEADLINE_MS);
      expect(supervised.instances()).toHaveLength(2);
      expect(supervised.instances().filter((pid) => before.includes(pid))).toEqual([]);
      // The two of the beginning, and the one that the last SIGHUPs found half started.
      expect(supervised.said('instance replaced')).toBe(3);
      expect(supervised.said(ALL_REPLACED)).toBe(1);
    },
    TIMEOUT_MS,
  );

  test.concurrent(
    'P9 an instance that dies while it is being replaced has one successor, which is looked after',
    async () => {
      await using supervised = await openSupervised(2);
      await supervised.startUp();
      const before = supervised.instances();
      {
        await using held = await holdStarts(supervised.databaseUrl);
        supervised.signal('SIGHUP');
        await held.untilWaiting(1);
        process.kill(before[0]!, 'SIGKILL');
        await eventually(() => supervised.said('an instance has ended; another one is started') === 1);
      }
      await until(() => supervised.said(ALL_REPLACED) > 0, REPLACED_DEADLINE_MS);
      const after = supervised.instances();
      expect(after).toHaveLength(2);
      expect(after.filter((pid) => before.includes(pid))).toEqual([]);
      for (const pid of after) process.kill(pid, 'SIGKILL');
      await eventually(() => supervised.said('instance started') === 2);
      expect(supervised.instances()).toHaveLength(2);
    },
    TIMEOUT_MS,
  );

  test.concurrent(
    'P9 an instance that is killed while it leaves is replaced all the same',
    async () => {
      await using supervised = await openSupervised(2);
      await supervised.startUp();
      const before = supervised.instances();
      process.kill(before[0]!, 'SIGSTOP');
      supervised.signal('SIGHUP');
      // It is told to leave, and does not, once its successor is there.
      await eventually(() => supervised.listening() === 3);
      process.kill(before[0]!, 'SIGKILL');
      await until(() => supervised.said(ALL_REPLACED) > 0, REPLACED_DEADLINE_MS);
      expect(supervised.instances()).toHaveLength(2);
      expect(supervised.instances().filter((pid) => before.includes(pid))).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test.concurrent(
    'P9 a replacement that does not start leaves what runs, and each SIGHUP is another try',
    async () => {
      await using supervised = await openSupervised(2);
      await supervised.startUp();
      const before = supervised.instances();
      {
        // PostgreSQL does not notice that who waits for the lock has died, so those before it add up.
        await using held = await holdStarts(supervised.databaseUrl);
        supervised.signal('SIGHUP');
        await held.untilWaiting(1);
        process.kill(newcomer(supervised, before), 'SIGKILL');
        await eventually(() => supervised.said(GIVEN_UP) === 1);
        expect(supervised.instances()).toEqual(before);
        supervised.signal('SIGHUP');
        await held.untilWaiting(2);
        // This one is not lost, although the replacement that it meets fails as well.
        supervised.signal('SIGHUP');
        process.kill(newcomer(supervised, before), 'SIGKILL');
        await eventually(() => supervised.said(GIVEN_UP) === 2);
        await held.untilWaiting(3);
      }
      await until(() => supervised.said(ALL_REPLACED) > 0, REPLACED_DEADLINE_MS);
      expect(supervised.instances()).toHaveLength(2);
      expect(supervised.instances().filter((pid) => before.includes(pid))).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test.concurrent(
    'P9 a replacement that does not get ready in time is ended, and what runs goes on',
    async () => {
      const patience = { PULSECART_START_TIMEOUT_MS: `${START_TIMEOUT_MS}` };
      await using supervised = await openSupervised(2, patience);
      await supervised.startUp();
      const before = supervised.instances();
      await using held = await holdStarts(supervised.databaseUrl);
      supervised.signal('SIGHUP');
      await held.untilWaiting(1);
      const replacement = newcomer(supervised, before);
      await until(() => supervised.said(GIVEN_UP) === 1, 2 * START_TIMEOUT_MS);
      expect(isAlive(replacement)).toBe(false);
      expect(supervised.instances()).toEqual(before);
      expect(supervised.said(ALL_REPLACED)).toBe(0);
    },
    TIMEOUT_MS,
  );

  test.concurrent(
    'P9 SIGTERM ends at once the instances that are starting, and everything in order',
    async () => {
      await using supervised = await openSupervised(2);
      {
        await using held = await holdStarts(supervised.databaseUrl);
        supervised.start();
        await held.untilWaiting(1);
        const [starting] = supervised.instances() as [number];
        supervised.signal('SIGTERM');
        expect(await supervised.ended()).toBe(0);
        expect(isAlive(starting)).toBe(false);
        expect(supervised.said('ready')).toBe(0);
      }
      await supervised.startUp();
      {
        await using held = await holdStarts(supervised.databaseUrl);
        supervised.signal('SIGHUP');
        await held.untilWaiting(1);
        const all = supervised.instances();
        expect(all).toHaveLength(3);
        supervised.signal('SIGTERM');
        expect(await supervised.ended()).toBe(0);
        expect(all.filter(isAlive)).toEqual([]);
      }
      for (const untrue of [ALL_REPLACED, GIVEN_UP]) expect(supervised.said(untrue)).toBe(0);
      expect(supervised.said('stopped')).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );
});

/** The one that was started since; pids need not rise. */
function newcomer(supervised: Supervised, before: readonly number[]): number {
  return supervised.instances().find((pid) => !before.includes(pid))!;
}
