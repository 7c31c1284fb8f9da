import { PROBE_MS_MAX } from '../lib/probe.ts';
import { within } from '../lib/within.ts';

/** The probe's own result, or a rejection when it takes too long. */
export function inTime<T>(probe: Promise<T>): Promise<T> {
  return within(probe, PROBE_MS_MAX);
}
