import type { RushResult, RushVerdict } from '../rush-sale.ts';
import type { ServerLoad } from './server-load.ts';
import type { Thresholds } from './thresholds.ts';
import type { RehearsalVerdict } from './verdict.ts';

/** The measured counterpart of each threshold; null where it could not be measured, absent where it does not apply. */
export type Measured = { readonly [Name in keyof Thresholds]?: number | null };

export function measuredOf(rush: RushResult, load: ServerLoad): Measured {
  const outcomes = rush.granted + rush.refused;
  return {
    ...(rush.sync.p50Ms !== null && {
      syncP50Ms: rush.sync.p50Ms,
      syncP95Ms: rush.sync.p95Ms,
      syncP99Ms: rush.sync.p99Ms,
    }),
    ...(rush.async.acceptP99Ms !== null && {
      acceptP99Ms: rush.async.acceptP99Ms,
      confirmP99Ms: rush.async.confirmP99Ms,
    }),
    errorShare: rush.users === 0 ? null : rounded(rush.errors / rush.users, 6),
    usefulPerS: rush.elapsedMs === 0 ? null : rounded((outcomes / rush.elapsedMs) * 1000, 1),
    ...load,
  };
}

/** A throughput must be reached; everything else must not be exceeded. */
export function judgeThresholds(thresholds: Thresholds, measured: Measured): RehearsalVerdict[] {
  return Object.entries(thresholds).flatMap(([name, bound]): RehearsalVerdict[] => {
    const value = measured[name as keyof Thresholds];
    if (bound === null || value === undefined) return [];
    const isLeast = name === 'usefulPerS';
    const wanted = `${isLeast ? 'at least' : 'at most'} ${bound}`;
    if (value === null)
      return [{ group: 'thresholds', name, state: 'WARN', detail: `could not be measured (${wanted})` }];
    const reached = isLeast ? value >= bound : value <= bound;
    return [{ group: 'thresholds', name, state: reached ? 'PASS' : 'FAIL', detail: `${value}, ${wanted}` }];
  });
}

/** What could not be judged is no proof that the sale would go well. */
export function judgeCorrectness(verdicts: readonly RushVerdict[]): RehearsalVerdict[] {
  return verdicts.map(({ name, pass, detail }) => ({
    group: 'correctness',
    name,
    state: pass === true ? 'PASS' : 'FAIL',
    detail: pass === null ? `not judged: ${detail}` : detail,
  }));
}

/** Every buyer is another customer and buys within the limit, so units are all that can be missing. */
export function judgeRefusals({ refusals }: Pick<RushResult, 'refusals'>): RehearsalVerdict {
  const others = Object.entries(refusals).filter(([code]) => code !== 'sold_out');
  const detail = others.map(([code, count]) => `${count} ${code}`).join(', ');
  return {
    group: 'correctness',
    name: 'every refusal means sold out',
    state: others.length === 0 ? 'PASS' : 'FAIL',
    detail: others.length === 0 ? '' : `${detail}: the sale did not run as it will`,
  };
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
