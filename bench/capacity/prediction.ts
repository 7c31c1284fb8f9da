import { rounded } from '../workloads/result.ts';
import { type Check, type Constants, type Cost, PLACES, type Step } from './constants.ts';

/** The CPU time of so many steps, in ms, wherever it is spent. */
function predictCpuMs(steps: Check['steps'], { costUs }: Pick<Constants, 'costUs'>): number {
  return (
    Object.entries(steps).reduce((sum, [step, count]) => sum + count * totalUs(costUs[step as Step]), 0) /
    1000
  );
}

/** Each measured point beside what the constants say about it. */
export function compareChecks(constants: Constants) {
  return constants.checks.map(({ name, steps, cpuMs }) => {
    const predictedMs = predictCpuMs(steps, constants);
    return {
      name,
      measuredMs: cpuMs,
      predictedMs: rounded(predictedMs),
      errorPct: rounded((predictedMs / cpuMs - 1) * 100),
    };
  });
}

function totalUs(cost: Cost): number {
  return PLACES.reduce((sum, place) => sum + cost[place], 0);
}
