import { AsyncLocalStorage } from 'node:async_hooks';
import { HttpClient } from './http-client.ts';

/** A virtual user. Scenarios take turns with it, as k6's do. */
export interface Vu {
  /** From 1; 0 runs setup, teardown and handleSummary. */
  readonly id: number;
  readonly client: HttpClient;
  /** Iterations so far, in all scenarios. */
  iterations: number;
  /** What it is in the middle of. */
  activity: Activity;
  /** Its last iteration took longer than the scenario waited: nothing of it counts any more. */
  interrupted: boolean;
}

export interface Activity {
  /** Tags of every sample. */
  readonly tags: Readonly<Record<string, string>>;
  readonly scenario: { readonly name: string; readonly executor: string } | null;
  /** Number of this iteration in its scenario, from 0. */
  readonly iterationInTest: number;
}

export function newVu(id: number): Vu {
  return {
    id,
    client: new HttpClient(),
    iterations: 0,
    activity: { tags: {}, scenario: null, iterationInTest: 0 },
    interrupted: false,
  };
}

const current = new AsyncLocalStorage<Vu>();

/**
 * Every virtual user of the stand-in runs in the same copy of the script, so which one calls into a module is known by the
 * asynchronous context. (k6 gives each its own copy: a script must not count on sharing variables.)
 */
export function runAs<T>(vu: Vu, run: () => T): T {
  return current.run(vu, run);
}

/** Whoever calls; null in the init context. */
export function callingVu(): Vu | null {
  return current.getStore() ?? null;
}

export function vuOf(call: string): Vu {
  const vu = callingVu();
  if (vu === null) throw new Error(`${call} cannot be used in the init context`);
  return vu;
}
