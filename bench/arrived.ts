import type { CrowdResult } from './crowd.ts';

/** How long a crowd took to come. */
export interface Arrived {
  readonly plannedMs: number;
  readonly tookMs: number;
}

/** A buyer has come when its purchase was sent: later than meant where no connection was free. */
export function arrivalsOf({ record: { users }, times }: Pick<CrowdResult, 'record' | 'times'>): Arrived {
  const last = (ms: Float64Array) =>
    ms.subarray(0, users).reduce((latest, at) => (at > latest ? at : latest), 0);
  return { plannedMs: Math.round(last(times.intendedMs)), tookMs: Math.round(last(times.sentMs)) };
}
