import { within } from '../domain/within.ts';

/** An engine that has not answered a probe by then is down for whoever asks: balancers wait two to five seconds. */
const PROBE_MS_MAX = 2_000;

/** The probe's own result, or a rejection when it takes too long. */
export function inTime<T>(probe: Promise<T>): Promise<T> {
  return within(probe, PROBE_MS_MAX);
}
