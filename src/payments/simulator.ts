import { AppError } from '../domain/errors.ts';
import { randomFrom } from '../domain/random.ts';
import { type Fate, type FateRates, fateTeller } from './fates.ts';
import type { Captured, ChargeAnswer, ChargeRequest, PaymentProvider } from './provider.ts';
import { createRecent } from './recent.ts';
import { createTimerWheel, type Later } from './timer-wheel.ts';

export interface SimulatorOptions extends Partial<FateRates> {
  /** Time to an answer, at least. */
  readonly latencyMs?: number;
  /** Added at random, evenly between 0 and this. */
  readonly jitterMs?: number;
  /** When a call without an answer is given up. */
  readonly timeoutMs?: number;
  /** The same seed and the same calls make the same draws. */
  readonly seed?: number;
  /** How time passes; real time unless told. */
  readonly later?: Later;
}

export interface Simulator extends PaymentProvider {
  /** While set, every call fails with `unavailable`, as with the company's front door down. */
  setOutage(isOut: boolean): void;
  /** What the company knows of this key; undefined: nothing was charged, declined or cancelled under it. */
  stateOf(key: string): ChargeState | undefined;
}

export type ChargeState = 'captured' | 'declined' | 'cancelled';

/**
 * Keys whose end is remembered, about 100 bytes each, twice: ends that a caller heard of, which are asked for again only
 * within moments, and ends that nobody heard of, which are asked for after leases of half a minute. Kept apart, the
 * many do not push out the few.
 */
const REMEMBERED_MAX = 100_000;

type Pending = PromiseWithResolvers<ChargeAnswer>;

/** A payment company in memory. It charges once per key, and forgets everything with the process. */
export function openSimulator(options: SimulatorOptions = {}): Simulator {
  const { latencyMs = 5, jitterMs = 5, timeoutMs = 2_000, seed = 1 } = options;
  const wheel = options.later ? null : createTimerWheel();
  const later = options.later ?? wheel!.later;
  const random = randomFrom(seed);
  const tellFate = fateTeller(options, random);
  const pending = new Set<Pending>();
  const heard = createRecent<ChargeState>(REMEMBERED_MAX);
  const unheard = createRecent<ChargeState>(REMEMBERED_MAX);
  let isOut = false;

  function stateOf(key: string): ChargeState | undefined {
    return heard.get(key) ?? unheard.get(key);
  }

  /** What came first stays; answers what holds. */
  function end(key: string, state: ChargeState, memory = heard): ChargeState {
    const first = stateOf(key);
    if (!first) memory.set(key, state);
    return first ?? state;
  }

  function comeTrue(key: string, fate: Fate, charge: Pending): void {
    const { resolve, reject } = charge;
    pending.delete(charge);
    switch (fate) {
      case 'captured':
      case 'declined':
        resolve(answer(key, end(key, fate)));
        return;
      case 'error':
        reject(unavailable());
        return;
      case 'late':
        end(key, 'captured', unheard);
        reject(unanswered(timeoutMs));
        return;
      case 'lost':
        reject(unanswered(timeoutMs));
    }
  }

  function latency(): number {
    return latencyMs + jitterMs * random();
  }

  function answerLater<T>(make: () => T): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<T>();
    later(latency(), () => resolve(make()));
    return promise;
  }

  return {
    charge({ key, customer }: ChargeRequest) {
      if (isOut) return Promise.reject(unavailable());
      const before = stateOf(key);
      if (before) return answerLater(() => answer(key, before));

      const fate = tellFate(customer);
      const begun = Promise.withResolvers<ChargeAnswer>();
      pending.add(begun);
      later(fate === 'lost' || fate === 'late' ? timeoutMs : latency(), () => comeTrue(key, fate, begun));
      return begun.promise;
    },

    cancel(key) {
      if (isOut) return Promise.reject(unavailable());
      const state = end(key, 'cancelled', unheard);
      return answerLater(() => (state === 'captured' ? captured(key) : { type: 'cancelled' }));
    },

    setOutage(value) {
      isOut = value;
    },

    stateOf,

    async close() {
      wheel?.close();
      for (const { reject } of pending) {
        reject(new AppError('outcome_unknown', 'The simulator was closed.'));
      }
      pending.clear();
    },
  };
}

function answer(key: string, state: ChargeState): ChargeAnswer {
  switch (state) {
    case 'captured':
      return captured(key);
    case 'declined':
      return { type: 'declined', reason: 'The card was declined.' };
    case 'cancelled':
      return { type: 'declined', reason: 'The charge was cancelled.' };
  }
}

function captured(key: string): Captured {
  return { type: 'captured', providerId: `sim_${key}` };
}

function unavailable(): AppError {
  return new AppError('unavailable', 'The payment company cannot be reached.');
}

function unanswered(timeoutMs: number): AppError {
  return new AppError('outcome_unknown', `The payment company did not answer within ${timeoutMs} ms.`);
}
