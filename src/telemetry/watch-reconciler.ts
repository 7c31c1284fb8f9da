import { Counter, Gauge } from 'prom-client';
import type { Reconciler, TaskStats } from '../app/maintenance/reconciler.ts';
import type { Metrics } from './metrics.ts';

/** Exports the reconciler's runs and corrections, by task; each process exports its own, and one at a time leads. */
export function watchReconciler({ registry }: Metrics, { stats }: Pick<Reconciler, 'stats'>): void {
  const show = (
    Kind: typeof Counter | typeof Gauge,
    name: string,
    help: string,
    read: (task: TaskStats) => number,
  ) =>
    new Kind({
      name: `pulsecart_reconciler_${name}`,
      help,
      labelNames: ['task'],
      registers: [registry],
      collect() {
        this.reset();
        for (const [task, one] of Object.entries(stats)) this.inc({ task }, read(one));
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
  show(Gauge, 'last_run_age_seconds', 'Since the last run here; 0 before the first', ({ lastRunAtMs }) =>
    lastRunAtMs === null ? 0 : (performance.now() - lastRunAtMs) / 1000,
  );
}
