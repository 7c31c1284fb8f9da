import { readScenarios } from './executors.ts';
import { type Load, runLoad } from './load.ts';
import type { Metrics } from './metrics.ts';
import type { Checks } from './modules.ts';
import { copyOf, functionOf, messageOf, type Script } from './script.ts';
import { type Summary, summarize } from './summary.ts';
import { readThresholds } from './thresholds.ts';
import { newVu, runAs, type Vu } from './vu.ts';

/** A run as its script sees it, from outside the script. */
export interface Run extends Load {
  readonly metrics: Metrics;
  readonly checks: Checks;
  readonly startedAtMs: number;
}

export interface RunResult {
  readonly summary: Summary;
  readonly crossed: readonly string[];
  readonly interrupted: number;
  /** What `setup` or `teardown` threw. */
  readonly failure: string | null;
}

/** k6's own choice where a script makes none. */
const TREND_STATS = ['avg', 'min', 'med', 'max', 'p(90)', 'p(95)'];

/** A whole run: setup, the scenarios, teardown, and what they come to. What a script throws is part of the result. */
export async function runScript(run: Run): Promise<RunResult> {
  const { script, metrics, checks } = run;
  const scenarios = readScenarios(script.options?.scenarios ?? {});
  const thresholds = readThresholds(script.options?.thresholds ?? {}, metrics);
  const host = newVu(0);
  let setupData: unknown;
  let failure: string | null = null;
  let interrupted = 0;
  try {
    setupData = await stage(host, script, 'setup');
    interrupted = await runLoad(run, scenarios, setupData);
    await stage(host, script, 'teardown', setupData);
  } catch (error) {
    failure = messageOf(error);
  }
  host.client.close();
  const elapsedMs = performance.now() - run.startedAtMs;
  const trendStats = script.options?.summaryTrendStats ?? TREND_STATS;
  return {
    summary: summarize({ metrics, thresholds, checks, trendStats, setupData, elapsedMs }),
    crossed: [
      ...new Set(thresholds.filter(({ holds }) => !holds(elapsedMs)).map(({ metric }) => metric.name)),
    ],
    interrupted,
    failure,
  };
}

/** What the script makes of the summary: texts, by the file or stream that they are for. */
export function handleSummary(script: Script, summary: Summary): Record<string, string> {
  if (script.handleSummary === undefined) return {};
  const handle = functionOf(script, 'handleSummary');
  return runAs(newVu(0), () => handle(copyOf(summary))) as Record<string, string>;
}

/** `setup` or `teardown`, where the script has one. */
function stage(host: Vu, script: Script, name: string, data?: unknown): Promise<unknown> {
  if (script[name] === undefined) return Promise.resolve(undefined);
  host.activity = { tags: { group: `::${name}` }, scenario: null, iterationInTest: 0 };
  return runAs(host, async () => copyOf(await functionOf(script, name)(copyOf(data))));
}
