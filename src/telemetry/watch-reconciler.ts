import { Counter, Gauge } from 'prom-client';
import type { Reconciler, TaskStats } from '../app/maintenance/reconciler.ts';
import type { Metrics } from './metrics.ts';

/** Exports the reconciler's runs and corrections, by task; each process exports its own, and one at a time leads. */
export function watchReconciler({ registry }: Metrics, { stats }: Pick<Reconciler, 'stats'>): void {
  const show = (
    Kind: typeof Counter | typeof Gauge,
    name: string,
    help: string,
    read: (task: TaskStats) => number | null,
    aggregator: 'sum' | 'min' = 'sum',
  ) =>
    new Kind({
      name: `pulsecart_reconciler_${name}`,
      help,
      labelNames: ['task'],
      aggregator,
      registers: [registry],
      collect() {
        this.reset();
        for (const [task, one] of Object.entries(stats)) {
          const value = read(one);
          if (value !== null) this.inc({ task }, value);
        }
      },
    });

  show(Counter, 'runs_total', 'Runs done here', ({ runs }) => runs);
  show(
    Counter,
    'corrected_total',
    'Products given to the gate anew; purchases by which the count was wrong',
    ({ corrected }) => corrected,
  );
  show(Counter, 'failures_total', 'Runs broken off by a backend', ({ failures }) => failures);
  show(Gauge, 'is_leader', '1 while this process leads the job', ({ leads }) => Number(leads));
  // Whoever led once and leads no more shows a rising age; the leader's is the least.
  show(
    Gauge,
    'last_run_age_seconds',
    'Since the last run here; absent before the first',
    ({ lastRunAtMs }) => (lastRunAtMs === null ? null : (performance.now() - lastRunAtMs) / 1000),
    'min',
  );
}
