import type { CrowdResult } from '../crowd.ts';
import type { Environments } from '../environment.ts';
import { holdSale, type Sale, type SaleOptions } from '../sale.ts';
import { judge, repetitionsAlike } from '../verdicts.ts';
import { between, latencyOverTime, percentilesOf } from './percentiles.ts';
import type { Run, Way } from './report-data.ts';
import { SAMPLE_EVERY_MS, type Sampled, type Sampler, startSampler } from './sampler.ts';

/** Buyers who were turned away for good have gone, so units may be left. */
const WHERE_NOBODY_IS_TURNED_AWAY = 'every unit wanted was sold';

/** A thousand units go within a few of these. */
const GRANTS_EVERY_MS = 50;

/** One crowd, one way, on a fresh server of its own. */
export async function holdRun(
  { way, repeat, seed }: { readonly way: Way; readonly repeat: number; readonly seed: number },
  crowd: Omit<SaleOptions, 'mode' | 'seed'>,
  environments: Environments,
  signal: AbortSignal,
): Promise<Run> {
  const environment = await environments.open();
  try {
    await environment.quiet();
    let sampler: Sampler | undefined;
    let sampled: Sampled | undefined;
    const sale = await holdSale({ ...crowd, mode: way, seed }, environment, {
      begins(servers) {
        sampler = startSampler(servers, environment);
      },
      async ends() {
        sampled = await sampler!.stop();
      },
      signal,
    });
    return runOf(way, repeat, crowd, sale, sampled!);
  } finally {
    await environment.close();
  }
}

function runOf(
  way: Way,
  repeat: number,
  { users, units, rate }: Omit<SaleOptions, 'mode' | 'seed'>,
  { crowd, evidence, serverVerdicts, audit }: Sale,
  sampled: Sampled,
): Run {
  const { record, times } = crowd;
  const answer = between(times.intendedMs, times.answeredMs);
  const outcome = between(times.intendedMs, times.decidedMs);
  const useful = record.count('sold', 'refused', 'confirmed', 'rejected');
  const lastAnswerMs = times.answeredMs.reduce((last, ms) => (ms > last ? ms : last), 0);
  const isTurnedAway = record.count('overloaded') > 0;
  const verdicts = judge(evidence).filter(
    ({ name }) => !(isTurnedAway && name === WHERE_NOBODY_IS_TURNED_AWAY),
  );
  return {
    way,
    repeat,
    users,
    units,
    offeredPerS: Math.round(rate),
    achievedPerS: perS(answer.filter((ms) => !Number.isNaN(ms)).length - record.count('wrong'), lastAnswerMs),
    usefulPerS: perS(useful, crowd.elapsedMs),
    elapsedMs: Math.round(crowd.elapsedMs),
    answer: percentilesOf(answer),
    answerRaw: percentilesOf(between(times.sentMs, times.answeredMs)),
    outcome: percentilesOf(outcome),
    outcomeRaw: percentilesOf(between(times.sentMs, times.decidedMs)),
    outcomes: record.counts(),
    retries: crowd.retries,
    cuts: crowd.cuts,
    ...unitsOf(crowd, units),
    latencyOverTime: latencyOverTime(times.intendedMs, answer, outcome, SAMPLE_EVERY_MS),
    samples: sampled.samples
      .map((sample) => ({ ...sample, atMs: Math.round(sample.atMs - crowd.startedAtMs) }))
      .filter(({ atMs }) => atMs >= 0),
    cpu: { ...sampled.cpu, generatorMs: Math.round(crowd.cpuGeneratorMs) },
    rssPeakMb: sampled.rssPeakMb,
    batchMean: sampled.batchMean,
    generator: {
      cpuShare: Math.round((crowd.cpuGeneratorMs / crowd.elapsedMs) * 100) / 100,
      latenessP99Ms: crowd.lateness.percentileMs(99),
    },
    verdicts: [
      ...verdicts,
      ...(crowd.repeats.compared > 0 ? [repetitionsAlike(crowd)] : []),
      ...serverVerdicts,
      ...audit,
    ],
  };
}

/** The course of the grants, in slices, and when the last unit went. */
function unitsOf(
  { record, times: { decidedMs } }: CrowdResult,
  units: number,
): Pick<Run, 'soldOutMs' | 'unitsGranted'> {
  const grantedMs: number[] = [];
  for (let buyer = 0; buyer < record.users; buyer++) {
    const result = record.result(buyer);
    if (result === 'sold' || result === 'confirmed') grantedMs.push(decidedMs[buyer]!);
  }
  grantedMs.sort((a, b) => a - b);
  const unitsGranted: [number, number][] = [[0, 0]];
  for (const [i, atMs] of grantedMs.entries()) {
    const slice = (Math.floor(atMs / GRANTS_EVERY_MS) + 1) * GRANTS_EVERY_MS;
    const last = unitsGranted.at(-1)!;
    if (last[0] === slice) last[1] = i + 1;
    else unitsGranted.push([slice, i + 1]);
  }
  const soldOutMs = grantedMs.length === units && units > 0 ? Math.round(grantedMs.at(-1)!) : null;
  return { soldOutMs, unitsGranted };
}

function perS(count: number, elapsedMs: number): number {
  return elapsedMs === 0 ? 0 : Math.round((count / elapsedMs) * 1000);
}
