import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../domain/errors.ts';
import { within } from '../lib/within.ts';
import type { Family } from '../telemetry/families.ts';
import type { Metrics } from '../telemetry/metrics.ts';

/** Metrics on the channel between a supervisor and its instances: each side asks under a number of its own, and answers under the asker's. */
export type MetricsMessage =
  | { readonly wanted: 'own' | 'all'; readonly id: number }
  | { readonly families: readonly Family[]; readonly id: number }
  /** What an instance has counted by its end. */
  | { readonly counted: readonly Family[] };

/** Longer than the supervisor waits for an instance. */
const SUPERVISOR_TIMEOUT_MS = 2_000;

/** A supervisor that does not read holds up no shutdown. */
const LAST_WORDS_MS = 500;

/** What an instance does about metrics: tells the supervisor its own, and asks it for those of all. */
export interface InstanceMetrics {
  /** Of all instances. Rejects `unavailable` when the supervisor does not answer: a part would pass for the whole. */
  scrape(): Promise<readonly Family[]>;
  /** Tells what this process has counted; its last words. */
  leave(): Promise<void>;
}

export function shareMetrics(metrics: Pick<Metrics, 'families' | 'counted'>): InstanceMetrics {
  const send = (message: MetricsMessage) =>
    new Promise<void>((resolve) => {
      if (process.send) process.send(message, undefined, {}, () => resolve());
      else resolve();
    });
  const asks = createAsks((id) => void send({ wanted: 'all', id }), SUPERVISOR_TIMEOUT_MS, silent);

  process.on('message', (message: MetricsMessage | string) => {
    if (typeof message === 'string') return;
    if ('wanted' in message) {
      void metrics.families().then((families) => send({ families, id: message.id }));
    } else if ('id' in message) asks.answer(message.id, message.families);
  });

  return {
    scrape: asks.ask,
    async leave() {
      await Promise.race([send({ counted: await metrics.counted() }), sleep(LAST_WORDS_MS)]);
    },
  };
}

function silent(): AppError {
  return new AppError(
    'unavailable',
    `The supervisor did not answer a scrape within ${SUPERVISOR_TIMEOUT_MS} ms.`,
  );
}

/** Questions that are answered by their number, in any order; one that is not answered in time rejects with `late`. */
export function createAsks(send: (id: number) => void, timeoutMs: number, late: () => Error) {
  const open = new Map<number, (families: readonly Family[]) => void>();
  let last = 0;
  return {
    ask(): Promise<readonly Family[]> {
      const id = ++last;
      const answer = Promise.withResolvers<readonly Family[]>();
      open.set(id, answer.resolve);
      send(id);
      return within(answer.promise, timeoutMs, late).finally(() => open.delete(id));
    },
    answer(id: number, families: readonly Family[]): void {
      open.get(id)?.(families);
    },
  };
}
