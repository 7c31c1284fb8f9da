import { expect, test } from 'bun:test';
import type { NewSample } from '../../../src/ports/history.ts';
import type { Scene } from './scene.contract.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** What happened in the past is read back in a choice that has its peaks, and is kept no longer than asked for. */
export function history(scene: Scene): void {
  /** Each test has a day of its own. */
  let day = Date.UTC(2020, 0, 1);
  const nextDay = () => (day += 24 * HOUR_MS);

  async function keep(...samples: Partial<NewSample>[]): Promise<void> {
    for (const sample of samples)
      await scene.ledger.keepSample({ at: 0, rate: 0, strain: 0, figures: '{}', ...sample });
  }
  const times = async (from: number, to: number, points: number) =>
    (await scene.ledger.samples(from, to, points)).map(({ at }) => at);

  test('samples of a span are read back oldest first, the first one of each moment', async () => {
    const at = nextDay();
    await keep({ at: at + 2, figures: 'third' }, { at, figures: 'first' }, { at: at + 1, figures: 'second' });
    await keep({ at, figures: 'another' });
    expect(await scene.ledger.samples(at, at + 1, 100)).toEqual([
      { at, figures: 'first' },
      { at: at + 1, figures: 'second' },
    ]);
    expect(await scene.ledger.samples(at + 3, at + HOUR_MS, 100)).toEqual([]);
  });

  test('a choice of many has both ends, the busiest and the hardest moment, and no more than asked for', async () => {
    const at = nextDay();
    const all = Array.from(
      { length: 100 },
      (_, i): NewSample => ({
        at: at + i,
        rate: i === 37 ? 1_000 : 1,
        strain: i === 62 ? 1_000 : 1,
        figures: `${i}`,
      }),
    );
    await keep(...all);
    expect(await times(at, at + 99, 100)).toHaveLength(100);
    for (const points of [10, 11, 50, 99]) {
      const chosen = await times(at, at + 99, points);
      expect(chosen.length).toBeWithin(points / 2 - 1, points + 1);
      expect(chosen).toEqual(chosen.toSorted((a, b) => a - b));
      for (const peak of [0, 37, 62, 99])
        expect([points, chosen.includes(at + peak)]).toEqual([points, true]);
    }
  });

  test('a busy minute keeps more of its samples than a quiet hour', async () => {
    const at = nextDay();
    const quiet = Array.from({ length: 20 }, (_, i) => ({ at: at + i * 3 * MINUTE_MS }));
    const busy = Array.from({ length: 60 }, (_, i) => ({ at: at + HOUR_MS + i * 1000, rate: i, strain: i }));
    await keep(...quiet, ...busy);
    const chosen = await times(at, at + 2 * HOUR_MS, 40);
    expect(chosen.filter((one) => one >= at + HOUR_MS).length).toBeGreaterThan(10);
  });

  test('a course began with the first event after a break', async () => {
    const at = nextDay();
    await keep(
      { at, rate: 1 },
      { at: at + 20 * MINUTE_MS },
      { at: at + 30 * MINUTE_MS, rate: 1 },
      { at: at + 35 * MINUTE_MS },
      { at: at + 40 * MINUTE_MS, rate: 3 },
      { at: at + 55 * MINUTE_MS },
    );
    const began = (to: number) => scene.ledger.courseBegan(to, 10 * MINUTE_MS);
    expect(await began(at + HOUR_MS)).toBe(at + 30 * MINUTE_MS);
    expect(await began(at + 29 * MINUTE_MS)).toBe(at);
    expect(await began(Date.UTC(2019, 0, 1))).toBeNull();
  });

  test('samples are deleted oldest first, by age and by number, and no more than asked for at once', async () => {
    await scene.ledger.pruneSamples(nextDay(), 1_000_000, 1_000_000);
    const at = nextDay();
    await keep(...[0, 1, 2, 3, 4, 5].map((i) => ({ at: at + i })));
    const left = () => times(at, at + HOUR_MS, 100);
    expect(await scene.ledger.pruneSamples(at + 2, 100, 1)).toBe(1);
    expect(await left()).toEqual([at + 1, at + 2, at + 3, at + 4, at + 5]);
    expect(await scene.ledger.pruneSamples(at + 2, 100, 10)).toBe(1);
    expect(await scene.ledger.pruneSamples(at, 3, 10)).toBe(1);
    expect(await left()).toEqual([at + 3, at + 4, at + 5]);
    expect(await scene.ledger.pruneSamples(at, 3, 10)).toBe(0);
  });

  test('a note is read back with its age, and the next one takes its place', async () => {
    expect(await scene.ledger.note('nothing')).toBeNull();
    await scene.ledger.setNote('rush', 'one');
    await scene.ledger.setNote('rush', 'two');
    const note = await scene.ledger.note('rush');
    expect(note).toMatchObject({ value: 'two' });
    expect(note!.ageMs).toBeWithin(0, MINUTE_MS);
  });
}
