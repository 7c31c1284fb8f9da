import { setTimeout as sleep } from 'node:timers/promises';
import { singleFlight } from '../lib/single-flight.ts';
import { counted, type Family, mergeFamilies, withInstances } from '../telemetry/families.ts';
import type { Instance } from './instance.ts';

/**
 * The metrics of all instances of a supervisor, as of one process. No sum ever falls, because Prometheus takes a counter that does for
 * one that began anew, and would count the rest twice: what an instance counted stays in the sums when it ends, and while it
 * does not answer.
 */
export interface Gatherer {
  /** To be called for each instance as it is started. */
  add(instance: Instance): void;
  /** Asks all that take requests, and waits for each a second at most. */
  gather(): Promise<readonly Family[]>;
}

const LAST_WORDS_MS = 200;

export function createGatherer(configured: number): Gatherer {
  const living = new Set<Instance>();
  /** What each has counted, as last heard. */
  const heard = new Map<Instance, readonly Family[]>();
  let ended: readonly Family[] = [];

  async function gather(): Promise<readonly Family[]> {
    const answers = new Map<Instance, readonly Family[]>();
    await Promise.all(
      [...living].map(async (instance) => {
        const families = await ask(instance);
        if (families) answers.set(instance, families);
      }),
    );
    // One that has ended meanwhile is among the ended, whatever it still answered.
    const now = [...living];
    const answered = now.filter((instance) => answers.has(instance) && !instance.isLeaving);
    const parts = now.map((instance) => answers.get(instance) ?? heard.get(instance) ?? []);
    return withInstances(mergeFamilies([...parts, ended]), {
      pulsecart_instances: configured,
      pulsecart_instances_answered: answered.length,
    });
  }

  async function ask(instance: Instance): Promise<readonly Family[] | null> {
    if (!instance.isReady) return null;
    try {
      const families = await instance.metrics();
      hear(instance, counted(families));
      return families;
    } catch {
      return null;
    }
  }

  function hear(instance: Instance, families: readonly Family[]): void {
    if (living.has(instance)) heard.set(instance, families);
  }

  async function bury(instance: Instance): Promise<void> {
    await instance.ended;
    // The news of its end may overtake what it said last.
    await Promise.race([instance.counted, sleep(LAST_WORDS_MS)]);
    ended = mergeFamilies([ended, heard.get(instance) ?? []]);
    living.delete(instance);
    heard.delete(instance);
  }

  return {
    add(instance) {
      living.add(instance);
      void instance.counted.then((families) => hear(instance, families));
      void bury(instance);
    },
    gather: singleFlight(gather),
  };
}
