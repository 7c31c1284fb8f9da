import type { Clock } from '../../domain/clock.ts';
import type { Figures, Sample } from '../../domain/figures.ts';
import { RATES, TIMES } from '../../domain/process-stats.ts';
import type { NewSample, History as Samples, StoredSample } from '../../ports/history.ts';

/** What happened in the past, the same from every instance, also after a restart. */
export interface History {
  /** `from` null: the beginning of the last sale, so that a page opened late shows it whole. */
  read(from: number | null, to: number | null, points: number): Promise<Course>;
}

export interface Course {
  readonly from: number;
  readonly to: number;
  /** Oldest first. */
  readonly samples: readonly Sample[];
}

/** After so long without an event what follows is another sale. */
export const COURSE_BREAK_MS = 10 * 60_000;
/** Shown of the quiet before it. */
const LEAD_MS = 10_000;
/** In a shop that never rests, and in one where nothing has happened yet. */
const COURSE_MS_MAX = 24 * 3_600_000;
const NOTHING_YET_MS = 2 * 3_600_000;

export function createHistory({
  ledger,
  clock,
}: {
  readonly ledger: Pick<Samples, 'samples' | 'courseBegan'>;
  readonly clock: Clock;
}): History {
  async function beginning(to: number): Promise<number> {
    const began = await ledger.courseBegan(to, COURSE_BREAK_MS);
    if (began === null) return to - NOTHING_YET_MS;
    return Math.max(began - LEAD_MS, to - COURSE_MS_MAX);
  }

  return {
    async read(from, to, points) {
      const end = to ?? Math.ceil(clock());
      const begin = from ?? (await beginning(end));
      const stored = await ledger.samples(begin, end, points);
      return { from: begin, to: end, samples: stored.map(decode) };
    },
  };
}

/** `isCoarse`: of the last ten seconds instead of the last two. */
export function sampleOf(
  { total, instances, backlog, units }: Figures,
  at: number,
  isCoarse: boolean,
): Sample {
  const { perSecond, times } = isCoarse ? total : total.recent;
  return {
    at,
    total: { instances: total.instances, perSecond, times },
    instances: instances.map(({ instance, eventLoopP99Ms, cpuShare, recent, rssBytes }) => ({
      instance,
      eventLoopP99Ms: Math.round(eventLoopP99Ms * 10) / 10,
      cpuShare: isCoarse ? cpuShare : (recent?.cpuShare ?? cpuShare),
      rssBytes,
    })),
    backlog,
    units,
  };
}

/** As it is stored: what is zero or unknown is left out, so that a quiet moment takes a few hundred bytes. */
interface Stored {
  readonly instances: readonly (readonly [string, number, number, number])[];
  readonly count: number;
  readonly perSecond: Partial<Sample['total']['perSecond']>;
  readonly times: Partial<Sample['total']['times']>;
  readonly backlog: readonly [number | null, number | null, number | null];
  /** Product, total, reserved, sold. */
  readonly units: readonly (readonly [number, number, number, number])[] | null;
}

export function encode({ at, total, instances, backlog, units }: Sample): NewSample {
  const { perSecond, times } = total;
  const stored: Stored = {
    instances: instances.map((one) => [one.instance, one.eventLoopP99Ms, one.cpuShare, one.rssBytes]),
    count: total.instances,
    perSecond: Object.fromEntries(Object.entries(perSecond).filter(([, value]) => value !== 0)),
    times: Object.fromEntries(Object.entries(times).filter(([, value]) => value !== null)),
    backlog: [backlog.purchases, backlog.oldestAgeMs, backlog.paymentsOldestAgeMs],
    units: units?.map((one) => [one.productId, one.total, one.reserved, one.sold]) ?? null,
  };
  const slowestMs = Math.max(0, ...Object.values(times).map((ms) => ms ?? 0));
  const blockedMs = Math.max(0, ...instances.map(({ eventLoopP99Ms }) => eventLoopP99Ms));
  return {
    at,
    rate: Object.values(perSecond).reduce((sum, one) => sum + one, 0),
    strain: slowestMs + blockedMs + (backlog.oldestAgeMs ?? 0),
    figures: JSON.stringify(stored),
  };
}

function decode({ at, figures }: StoredSample): Sample {
  const { instances, count, perSecond, times, backlog, units } = JSON.parse(figures) as Stored;
  const [purchases, oldestAgeMs, paymentsOldestAgeMs] = backlog;
  return {
    at,
    total: {
      instances: count,
      perSecond: Object.fromEntries(
        RATES.map((name) => [name, perSecond[name] ?? 0]),
      ) as Sample['total']['perSecond'],
      times: Object.fromEntries(TIMES.map((name) => [name, times[name] ?? null])) as Sample['total']['times'],
    },
    instances: instances.map(([instance, eventLoopP99Ms, cpuShare, rssBytes]) => ({
      instance,
      eventLoopP99Ms,
      cpuShare,
      rssBytes,
    })),
    backlog: { purchases, oldestAgeMs, paymentsOldestAgeMs },
    units:
      units?.map(([productId, total, reserved, sold]) => ({
        productId,
        total,
        available: total - reserved - sold,
        reserved,
        sold,
      })) ?? null,
  };
}
