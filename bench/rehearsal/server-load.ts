import { setTimeout as sleep } from 'node:timers/promises';
import type { Api } from '../../src/cli/api.ts';
import type { Rates } from '../report/sampler.ts';

/** The worst moments of the servers, by their own figures; null where they could not be read. */
export interface ServerLoad {
  readonly eventLoopP99Ms: number | null;
  readonly backlogPurchases: number | null;
  readonly backlogAgeMs: number | null;
}

/** Each process tells its figures once a second. */
const EVERY_MS = 1_000;

/** Reads the figures of all processes until stopped. A call that fails is left out: the crowd's own answers tell of that. */
export function watchLoad(api: Api): { stop(): Promise<ServerLoad> } {
  const stopped = new AbortController();
  let worst: ServerLoad = { eventLoopP99Ms: null, backlogPurchases: null, backlogAgeMs: null };

  async function look(): Promise<void> {
    const { instances, backlog } = await api.get<Rates>('/api/v1/ops/rates', (body) => 'backlog' in body);
    worst = {
      eventLoopP99Ms: higher(worst.eventLoopP99Ms, ...instances.map((one) => one.eventLoopP99Ms)),
      backlogPurchases: higher(worst.backlogPurchases, backlog.purchases),
      backlogAgeMs: higher(worst.backlogAgeMs, backlog.oldestAgeMs),
    };
  }

  async function watch(): Promise<void> {
    while (!stopped.signal.aborted) {
      await look().catch(() => {});
      await sleep(EVERY_MS, undefined, { signal: stopped.signal }).catch(() => {});
    }
  }

  const watching = watch();
  return {
    async stop() {
      stopped.abort();
      await watching;
      return worst;
    },
  };
}

function higher(...values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : Math.round(Math.max(...known) * 10) / 10;
}
