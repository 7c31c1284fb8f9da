import type { Verdict } from '../../src/domain/verdict.ts';
import type { Machine } from '../machine.ts';
import type { OpenProfileName } from '../profiles.ts';

/** The contents of `report.json`: what was measured, and nothing that can be computed from it. */
export interface ReportData {
  readonly format: typeof REPORT_FORMAT;
  readonly version: typeof REPORT_VERSION;
  /** ISO 8601. */
  readonly madeAt: string;
  readonly command: string;
  /** Set while parts are missing, because the report was interrupted. */
  readonly partial: boolean;
  readonly program: { readonly version: string; readonly commit: string | null };
  readonly machine: Machine;
  /** The backend of each port, by its own name and version. */
  readonly backends: Readonly<Record<string, string>>;
  readonly seed: number;
  readonly sale: SalePlan;
  readonly saleRuns: readonly Run[];
  readonly saturation: readonly Saturation[];
  readonly sweep: { readonly seconds: number };
  readonly sweepRuns: readonly Run[];
  readonly atOnce: { readonly connections: number };
  readonly atOnceRuns: readonly Run[];
  readonly notMeasured: readonly string[];
}

export const REPORT_FORMAT = 'pulsecart-report';
/** Raised when an older program could misread a field. */
export const REPORT_VERSION = 1;

export const WAYS = ['sync', 'async'] as const;
export type Way = (typeof WAYS)[number];

export interface SalePlan {
  readonly profile: OpenProfileName;
  readonly users: number;
  readonly units: number;
  readonly seconds: number;
  readonly repeats: number;
}

/** What one way can do at most, in a closed loop. */
export interface Saturation {
  readonly way: Way;
  readonly connections: number;
  /** Sync: decided. Async: accepted. */
  readonly perS: number;
}

/** Milliseconds; null: there was nothing to time. */
export interface Percentiles {
  readonly count: number;
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  readonly p999: number | null;
  readonly max: number | null;
}

/** One crowd on a fresh server, one way. */
export interface Run {
  readonly way: Way;
  readonly repeat: number;
  readonly users: number;
  readonly units: number;
  /** Mean rate of the arrivals. */
  readonly offeredPerS: number;
  /** First answers per second, of those that the contract allows, from the first arrival to the last answer. */
  readonly achievedPerS: number;
  /** Buyers per second who learned a final outcome: granted or refused, neither turned away nor left unknown. */
  readonly usefulPerS: number;
  readonly elapsedMs: number;
  /** Until the purchase's own answer: sync the outcome, async the 202. From the intended start, and from the sending. */
  readonly answer: Percentiles;
  readonly answerRaw: Percentiles;
  /** Until the outcome. For sync it is the answer. */
  readonly outcome: Percentiles;
  readonly outcomeRaw: Percentiles;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly retries: number;
  readonly cuts: number;
  /** From the first arrival to the last grant; null when units were left. */
  readonly soldOutMs: number | null;
  readonly latencyOverTime: readonly LatencyMoment[];
  readonly unitsGranted: readonly (readonly [atMs: number, granted: number])[];
  readonly samples: readonly Sample[];
  readonly cpu: CpuUse;
  readonly rssPeakMb: number | null;
  readonly batchMean: number | null;
  readonly generator: { readonly cpuShare: number; readonly latenessP99Ms: number | null };
  readonly verdicts: readonly Verdict[];
}

/** Of the buyers whose intended start lies in one slice of the time. */
export interface LatencyMoment {
  readonly atMs: number;
  readonly count: number;
  readonly answerP50: number | null;
  readonly answerP99: number | null;
  readonly outcomeP99: number | null;
}

/** CPU time of the run, in ms; null where it cannot be read. */
export interface CpuUse {
  readonly serverMs: number | null;
  readonly backendsMs: Readonly<Record<string, number>> | null;
  readonly generatorMs: number;
}

/** What the processes used and what waited at one moment. Shares are of one core, since the sample before. */
export interface Sample {
  readonly atMs: number;
  readonly cpuServerShare: number | null;
  readonly cpuBackendsShare: number | null;
  readonly cpuGeneratorShare: number | null;
  readonly rssMb: number | null;
  readonly eventLoopP99Ms: number | null;
  readonly queueDepth: number | null;
  readonly queueOldestMs: number | null;
  readonly available: number | null;
  readonly reserved: number | null;
  readonly sold: number | null;
  /** Purchases per batch since the sample before: in a transaction (sync), or in a message (async). */
  readonly batch: number | null;
}
