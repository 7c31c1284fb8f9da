import Type, { type Static } from 'typebox';
import { OPEN_PROFILES } from '../profiles.ts';

/**
 * The contents of `report.json`: what was measured, and nothing that can be computed from it. The types are those of the schema, which
 * a file is checked with before it is read.
 */

export const REPORT_FORMAT = 'pulsecart-report';
/** Raised when an older program could misread a field. */
export const REPORT_VERSION = 1;

export const WAYS = ['sync', 'async'] as const;
export type Way = (typeof WAYS)[number];

const Count = Type.Integer({ minimum: 0 });
const Measure = Type.Number({ minimum: 0 });
const orNull = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const MeasureOrNull = orNull(Measure);
const WaySchema = Type.Union([Type.Literal('sync'), Type.Literal('async')]);

/** Milliseconds; null: there was nothing to time. */
const PercentilesSchema = Type.Object({
  count: Count,
  p50: MeasureOrNull,
  p90: MeasureOrNull,
  p95: MeasureOrNull,
  p99: MeasureOrNull,
  p999: MeasureOrNull,
  max: MeasureOrNull,
});
export type Percentiles = Readonly<Static<typeof PercentilesSchema>>;

/** Of the buyers whose intended start lies in one slice of the time. */
const LatencyMomentSchema = Type.Object({
  atMs: Measure,
  count: Count,
  answerP50: MeasureOrNull,
  answerP99: MeasureOrNull,
  outcomeP99: MeasureOrNull,
});
export type LatencyMoment = Readonly<Static<typeof LatencyMomentSchema>>;

/** What the processes used and what waited at one moment. Shares are of one core, since the sample before. */
const SampleSchema = Type.Object({
  atMs: Measure,
  cpuServerShare: MeasureOrNull,
  cpuBackendsShare: MeasureOrNull,
  cpuGeneratorShare: MeasureOrNull,
  rssMb: MeasureOrNull,
  eventLoopP99Ms: MeasureOrNull,
  queueDepth: MeasureOrNull,
  queueOldestMs: MeasureOrNull,
  available: orNull(Count),
  reserved: orNull(Count),
  sold: orNull(Count),
  /** Purchases per batch since the sample before: in a transaction (sync), or in a message (async). */
  batch: MeasureOrNull,
});
export type Sample = Readonly<Static<typeof SampleSchema>>;

/** CPU time of the run, in ms; null where it cannot be read. */
const CpuUseSchema = Type.Object({
  serverMs: MeasureOrNull,
  backendsMs: orNull(Type.Record(Type.String(), Measure)),
  generatorMs: Measure,
});
export type CpuUse = Readonly<Static<typeof CpuUseSchema>>;

/** One crowd on a fresh server, one way. */
const RunSchema = Type.Object({
  way: WaySchema,
  repeat: Count,
  users: Count,
  units: Count,
  /** Mean rate of the arrivals. */
  offeredPerS: Measure,
  /** First answers per second, of those that the contract allows, from the first arrival to the last answer. */
  achievedPerS: Measure,
  /** Buyers per second who learned a final outcome: granted or refused, neither turned away nor left unknown. */
  usefulPerS: Measure,
  elapsedMs: Measure,
  /** Until the purchase's own answer: sync the outcome, async the 202. From the intended start, and from the sending. */
  answer: PercentilesSchema,
  answerRaw: PercentilesSchema,
  /** Until the outcome. For sync it is the answer. */
  outcome: PercentilesSchema,
  outcomeRaw: PercentilesSchema,
  /** Buyers by result (crowd-record.ts). */
  outcomes: Type.Record(Type.String(), Count),
  retries: Count,
  cuts: Count,
  /** From the first arrival to the last grant; null when units were left. */
  soldOutMs: MeasureOrNull,
  latencyOverTime: Type.Array(LatencyMomentSchema),
  /** [ms since the first arrival, units granted by then] */
  unitsGranted: Type.Array(Type.Tuple([Measure, Count]), { minItems: 1 }),
  samples: Type.Array(SampleSchema),
  cpu: CpuUseSchema,
  rssPeakMb: MeasureOrNull,
  batchMean: MeasureOrNull,
  generator: Type.Object({ cpuShare: Measure, latenessP99Ms: MeasureOrNull }),
  verdicts: Type.Array(Type.Object({ name: Type.String(), pass: Type.Boolean(), detail: Type.String() })),
});
export type Run = Readonly<Static<typeof RunSchema>>;

/** What one way can do at most, in a closed loop. */
const SaturationSchema = Type.Object({
  way: WaySchema,
  connections: Count,
  /** Sync: decided. Async: accepted. */
  perS: Measure,
});
export type Saturation = Readonly<Static<typeof SaturationSchema>>;

const SalePlanSchema = Type.Object({
  profile: Type.Enum(OPEN_PROFILES),
  users: Count,
  units: Count,
  seconds: Measure,
  repeats: Count,
});
export type SalePlan = Readonly<Static<typeof SalePlanSchema>>;

export const ReportSchema = Type.Object({
  format: Type.Literal(REPORT_FORMAT),
  version: Type.Literal(REPORT_VERSION),
  /** ISO 8601. */
  madeAt: Type.String(),
  command: Type.String(),
  /** Set while parts are missing, because the report was interrupted. */
  partial: Type.Boolean(),
  program: Type.Object({ version: Type.String(), commit: orNull(Type.String()) }),
  machine: Type.Object({
    cpu: Type.String(),
    cores: Count,
    memoryGb: Measure,
    os: Type.String(),
    bun: Type.String(),
  }),
  /** The backend of each port, by its own name and version. */
  backends: Type.Record(Type.String(), Type.String()),
  seed: Count,
  sale: SalePlanSchema,
  saleRuns: Type.Array(RunSchema),
  saturation: Type.Array(SaturationSchema),
  sweep: Type.Object({ seconds: Measure }),
  sweepRuns: Type.Array(RunSchema),
  atOnce: Type.Object({ connections: Count }),
  atOnceRuns: Type.Array(RunSchema),
  notMeasured: Type.Array(Type.String()),
});
export type ReportData = Readonly<Static<typeof ReportSchema>>;
