import { Counter } from 'prom-client';
import type { Metrics } from './metrics.ts';

/** Exports how many requests each limit has refused; null: nothing is limited, and there is nothing to show. */
export function watchLimits({ registry }: Metrics, counts: Readonly<Record<string, number>> | null): void {
  new Counter({
    name: 'pulsecart_limit_refused_total',
    help: 'Requests that were refused for coming too often, by limit; without PULSECART_LIMITS there are none',
    labelNames: ['limit'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [limit, count] of Object.entries(counts ?? {})) this.inc({ limit }, count);
    },
  });
}

/** Exports how many calls came with a wrong operator token. */
export function watchSignIns({ registry }: Metrics, signIns: { readonly failures: number }): void {
  new Counter({
    name: 'pulsecart_operator_sign_in_failures_total',
    help: "Calls with a token that is no operator's",
    registers: [registry],
    collect() {
      this.reset();
      this.inc(signIns.failures);
    },
  });
}
