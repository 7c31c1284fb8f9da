import profiles from './profiles.json';

/**
 * Workload profiles: who comes when, as data. profiles.json is the one place for them; the k6 scripts read the same file.
 *
 * In an open loop buyers come at their own times, whether or not the server keeps up, and a latency runs from the intended
 * time. In a closed loop a fixed number of users wait for their answers before they buy again: a slow server gets fewer
 * purchases, and its worst moments are measured least (coordinated omission).
 */
export const OPEN_PROFILES = [
  'constant',
  'flash-crowd',
  'ramp',
  'burst',
  'retry-happy',
  'viewers',
  'mixed',
] as const;
export type OpenProfileName = (typeof OPEN_PROFILES)[number];

export interface OpenProfile {
  readonly name: OpenProfileName;
  readonly what: string;
  /** Its length where nothing else is asked for. */
  readonly seconds: number;
  /** Points of the arrival rate, straight lines between them: [share of the time, 0 to 1; rate, in a unit of its own]. */
  readonly arrivals: readonly (readonly [number, number])[];
  /** The share of buyers who send their purchase twice under one key, and how long after the first one. */
  readonly repeats: { readonly share: number; readonly afterMs: number };
  /** Live viewers beside the buyers. */
  readonly viewersPerBuyer: number;
}

interface OpenData {
  readonly what: string;
  readonly seconds: number;
  readonly arrivals?: readonly (readonly number[])[];
  /** Arrivals are those of this profile. */
  readonly like?: OpenProfileName;
  readonly repeats?: OpenProfile['repeats'];
  readonly viewersPerBuyer?: number;
}

export function openProfile(name: OpenProfileName): OpenProfile {
  // A JSON module's strings have no narrower type.
  const data = profiles[name] as OpenData;
  return {
    name,
    what: data.what,
    seconds: data.seconds,
    arrivals: data.like
      ? openProfile(data.like).arrivals
      : data.arrivals!.map(([at, rate]) => [at!, rate!] as const),
    repeats: data.repeats ?? { share: 0, afterMs: 0 },
    viewersPerBuyer: data.viewersPerBuyer ?? 0,
  };
}
