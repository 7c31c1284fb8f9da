import { percentilesOf } from '../../bench/report/percentiles.ts';
import { REPORT_FORMAT, REPORT_VERSION, type ReportData, type Run } from '../../bench/report/report-data.ts';

/** A run of a hundred buyers whose answers took 1 to 100 times `unitMs`; for documents, not for figures. */
export function madeUpRun(changes: Partial<Run> = {}, unitMs = 1): Run {
  const latency = percentilesOf(Float64Array.from({ length: 100 }, (_, i) => (i + 1) * unitMs));
  return {
    way: 'sync',
    repeat: 0,
    users: 100,
    units: 10,
    offeredPerS: 100,
    achievedPerS: 100,
    usefulPerS: 100,
    elapsedMs: 1000,
    answer: latency,
    answerRaw: latency,
    outcome: latency,
    outcomeRaw: latency,
    outcomes: { sold: 10, refused: 90 },
    retries: 0,
    cuts: 0,
    soldOutMs: 100,
    latencyOverTime: [
      { atMs: 0, count: 50, answerP50: 1, answerP99: 2, outcomeP99: 3 },
      { atMs: 250, count: 25, answerP50: 1, answerP99: 2, outcomeP99: 3 },
      { atMs: 500, count: 25, answerP50: 1, answerP99: 2, outcomeP99: 3 },
    ],
    unitsGranted: [
      [0, 0],
      [250, 10],
    ],
    samples: [],
    cpu: { serverMs: 10, backendsMs: null, generatorMs: 5 },
    rssPeakMb: 100,
    batchMean: 4,
    generator: { cpuShare: 0.2, latenessP99Ms: 1 },
    verdicts: [{ name: 'no oversell', pass: true, detail: '10 = 10 sold + 0 reserved + 0 available' }],
    ...changes,
  };
}

/** Three repeats of each way, with the latencies of the repeats in units of ms. */
export function madeUpReport(
  { sync = [1, 1.1, 1.2], async = [2, 2.1, 2.2] } = {},
  changes: Partial<ReportData> = {},
): ReportData {
  return {
    format: REPORT_FORMAT,
    version: REPORT_VERSION,
    madeAt: '2026-01-02T03:04:05.678Z',
    command: 'pulsecart report',
    partial: false,
    program: { version: '0.1.0', commit: 'abc' },
    machine: { cpu: 'A <fast> CPU', cores: 2, memoryGb: 24, os: 'linux 6', bun: '1' },
    backends: { ledger: 'sqlite', gate: 'memory', queue: 'sqlite', payments: 'simulator' },
    seed: 1,
    sale: { profile: 'flash-crowd', users: 100, units: 10, seconds: 1, repeats: 3 },
    saleRuns: [
      ...sync.map((unitMs, repeat) => madeUpRun({ way: 'sync', repeat }, unitMs)),
      ...async.map((unitMs, repeat) => madeUpRun({ way: 'async', repeat }, unitMs)),
    ],
    saturation: [],
    sweep: { seconds: 0 },
    sweepRuns: [],
    atOnce: { connections: 0 },
    atOnceRuns: [],
    notMeasured: ['The weather.'],
    ...changes,
  };
}
