import { UsageError } from '../../src/cli/flags.ts';
import { isExecutable } from '../../src/lib/own-program.ts';
import type { BackendChoice } from '../open-environments.ts';
import { COMPARED } from '../workloads/comparison.ts';

export const EVERYWHERE = [
  'noop',
  'sync-win',
  'sync-win-settling',
  'sync-soldout',
  'async-accept',
  'async-soldout',
  'async-drain',
  'async-whole',
  'payments',
  'stock-read',
  'saturation',
  'connections',
  'live',
  'demo',
] as const;
/** Only for backends that are processes of their own, and that live long. */
export const DISTRIBUTED_ONLY = ['sales', 'flushall', 'start-up', 'growth'] as const;
/** Only when asked for, on either set of backends: questions about pages, about a start, about workers and about an idle server. */
export const ON_REQUEST = [
  'watched',
  'live-crowd',
  'first-second',
  'async-decided',
  'lone',
  'live-lone',
] as const;
/** Only when asked for, too: what it needs besides is not installed everywhere. */
export const WITH_BALANCERS = ['balancers'] as const;
/** The workloads that `--open` measures below saturation. */
export const OPEN = ['sync-win', 'sync-soldout', 'async-accept', 'async-soldout', 'stock-read'] as const;
/** The workloads that `--profile` measures. */
export const PROFILED = Object.keys(COMPARED) as (keyof typeof COMPARED)[];
export const WORKLOADS = [...EVERYWHERE, ...DISTRIBUTED_ONLY, ...ON_REQUEST, ...WITH_BALANCERS] as const;
export type Workload = (typeof WORKLOADS)[number];

interface Flags {
  readonly workload: readonly Workload[];
  readonly engines: BackendChoice;
  readonly open: boolean;
  readonly profile: boolean;
  readonly instances: readonly string[];
}

/** The workloads to run, by default all that fit; throws UsageError when what was asked for does not go together. */
export function chooseWorkloads({ workload, engines, open, profile, instances }: Flags): readonly Workload[] {
  const ways = Object.entries({ '--open': open, '--profile': profile, '--instances': instances.length > 0 })
    .filter(([, isAsked]) => isAsked)
    .map(([way]) => way);
  if (ways.length > 1) throw new UsageError(`${ways.join(' and ')} measure in ways of their own: choose one`);
  if (instances.length > 0) {
    if (engines === 'embedded')
      throw new UsageError(
        '--instances compares numbers of processes, and embedded backends live in one: add --engines production',
      );
    return only('--instances', ['sync-win'], workload);
  }
  if (profile) {
    if (isExecutable)
      throw new UsageError(
        '--profile needs the sources: an executable does not take the flags of its runtime',
      );
    return only('--profile', PROFILED, workload);
  }
  if (open && workload.length === 0) return OPEN;
  if (open && !workload.some(hasOpenLoop))
    throw new UsageError(`--open measures ${OPEN.join(', ')}; ${workload.join(',')} has no open loop`);
  if (workload.length === 0)
    return engines === 'production' ? [...EVERYWHERE, ...DISTRIBUTED_ONLY] : EVERYWHERE;
  const wrong = workload.filter((name) => ![...EVERYWHERE, ...ON_REQUEST].some((one) => one === name));
  if (engines === 'embedded' && wrong.length > 0) {
    throw new UsageError(
      `--workload ${wrong.join(',')} measures the distributed backends: add --engines production`,
    );
  }
  return workload;
}

export function hasOpenLoop(name: Workload): boolean {
  return (OPEN as readonly string[]).includes(name);
}

function only(flag: string, measured: readonly Workload[], asked: readonly Workload[]): readonly Workload[] {
  const others = asked.filter((name) => !measured.includes(name));
  if (others.length > 0)
    throw new UsageError(`${flag} measures ${measured.join(', ')}; leave out ${others.join(',')}`);
  return asked.length === 0 ? ['sync-win'] : asked;
}
