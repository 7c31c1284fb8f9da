import type { Gate } from '../gate/gate.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Queue } from '../queue/queue.ts';
import { createCountTask } from './counts.ts';
import type { Duties } from './duties.ts';
import { createGateTask } from './gate-truth.ts';

/**
 * Puts right, once a second, what may have drifted from the ledger without anybody noticing: counters of the gate that a
 * crashed process claimed from, and the count of accepted purchases. (Overdue holds and lost charges are settlement's own
 * sweep.) One process at a time does it; two would only do it twice.
 */
export interface Reconciler {
  start(): void;
  close(): Promise<void>;
}

export interface ReconcilerDependencies {
  readonly ledger: Pick<Ledger, 'products' | 'asyncCounts' | 'countAccepted'>;
  readonly gate: Pick<Gate, 'follow'>;
  readonly queue: Pick<Queue, 'status'>;
  readonly duties: Pick<Duties, 'mine'>;
  readonly onTrouble: (error: unknown, context: string) => void;
  readonly everyMs?: number;
}

const EVERY_MS = 1_000;

export function createReconciler(dependencies: ReconcilerDependencies): Reconciler {
  const { duties, onTrouble, everyMs = EVERY_MS } = dependencies;
  const tasks = { gate: createGateTask(dependencies), counts: createCountTask(dependencies) };
  let timer: Timer | undefined;
  let working: Promise<void> = Promise.resolve();
  let closed = false;

  async function work(): Promise<void> {
    for (const [name, task] of Object.entries(tasks)) {
      try {
        if (await duties.mine(`reconcile ${name}`)) await task();
      } catch (error) {
        onTrouble(error, `reconciling the ${name}`);
      }
    }
    schedule();
  }

  function schedule(): void {
    if (closed) return;
    timer = setTimeout(() => {
      working = work();
    }, everyMs);
  }

  return {
    start: schedule,
    async close() {
      closed = true;
      clearTimeout(timer);
      await working;
    },
  };
}
