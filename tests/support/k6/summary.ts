import type { Metrics } from './metrics.ts';
import type { Checks } from './modules.ts';
import type { Threshold } from './thresholds.ts';

/** The object that k6 hands to `handleSummary` (its documentation, "Custom summary"). */
export function summarize(run: {
  readonly metrics: Metrics;
  readonly thresholds: readonly Threshold[];
  readonly checks: Checks;
  readonly trendStats: readonly string[];
  readonly setupData: unknown;
  readonly elapsedMs: number;
}) {
  const { metrics, thresholds, checks, trendStats, setupData, elapsedMs } = run;
  return {
    root_group: {
      name: '',
      path: '',
      id: md5(''),
      groups: [],
      checks: [...checks].map(([name, { passes, fails }]) => ({
        name,
        path: `::${name}`,
        id: md5(`::${name}`),
        passes,
        fails,
      })),
    },
    options: { summaryTrendStats: trendStats, summaryTimeUnit: '', noColor: false },
    state: {
      isStdOutTTY: process.stdout.isTTY === true,
      isStdErrTTY: process.stderr.isTTY === true,
      testRunDurationMs: elapsedMs,
    },
    metrics: Object.fromEntries(
      metrics.all().flatMap((metric) => {
        const own = thresholds.filter((threshold) => threshold.metric === metric);
        if (metric.sink.isEmpty && own.length === 0) return [];
        const { name, type, contains, sink } = metric;
        const values = sink.values(trendStats, elapsedMs);
        const judged = Object.fromEntries(
          own.map(({ expression, holds }) => [expression, { ok: holds(elapsedMs) }]),
        );
        return [[name, { type, contains, values, ...(own.length > 0 ? { thresholds: judged } : {}) }]];
      }),
    ),
    setup_data: setupData,
  };
}

export type Summary = ReturnType<typeof summarize>;

function md5(text: string): string {
  return new Bun.CryptoHasher('md5').update(text).digest('hex');
}
