import { type Clock, systemClock } from '../../domain/clock.ts';
import { AppError } from '../../domain/errors.ts';
import { createBoundedMap } from '../../lib/bounded-map.ts';
import { randomFrom } from '../../lib/random.ts';
import type {
  Captured,
  ChargeAnswer,
  ChargeRequest,
  PaymentProvider,
  RefundRequest,
} from '../../ports/provider.ts';
import {
  type ChargeOutcome,
  createFaultInjection,
  type FaultRates,
  REFUND_FAILS,
  type RefundOutcome,
} from './fault-injection.ts';
import { type ChargeState, captureId, createProviderState, type Money } from './provider-state.ts';
import { createTimerWheel, type Later } from './timer-wheel.ts';
import { createWebhooks } from './webhooks.ts';

export interface SimulatorOptions extends Partial<FaultRates> {
  /** Minimum time to an answer. */
  readonly latencyMs?: number;
  /** Added at random, evenly between 0 and this. */
  readonly jitterMs?: number;
  /** When a call without an answer is given up. */
  readonly timeoutMs?: number;
  /** Share of every minute, its beginning, in which the company cannot be reached. */
  readonly outageRate?: number;
  /** From a confirmed cancellation to the capture that should not have been. */
  readonly tooLateMs?: number;
  /** The same seed and the same calls make the same draws. */
  readonly seed?: number;
  /** The clock; real time by default. */
  readonly later?: Later;
  readonly now?: Clock;
}

export interface Simulator extends PaymentProvider {
  /** While set, every call fails with `unavailable`, as when the company is down. */
  setOutage(isOut: boolean): void;
  /** How the charge of this key ended; undefined: nothing was charged, declined or cancelled under it. */
  stateOf(key: string): ChargeState | undefined;
  /** Captured and refunded by the company. */
  money(currency: string): Money;
}

/** Keys of scripted customers that are remembered. */
const SCRIPTED_MAX = 100_000;

/** With more undelivered captures than this it refuses charges rather than lose a capture. */
const UNDELIVERED_MAX = 100_000;

/** A payment company in memory. It charges once per key, and its state ends with the process. */
export function openSimulator(options: SimulatorOptions = {}): Simulator {
  const { latencyMs = 5, jitterMs = 5, timeoutMs = 2_000, outageRate = 0, tooLateMs = 2_000 } = options;
  const { seed = 1, now = systemClock } = options;
  const wheel = options.later ? null : createTimerWheel();
  const later = options.later ?? wheel!.later;
  const random = randomFrom(seed);
  const faults = createFaultInjection(options, random);
  const company = createProviderState();
  const webhooks = createWebhooks(later);
  const tooLate = createBoundedMap<ChargeRequest>(SCRIPTED_MAX);
  const refundAttempts = createBoundedMap<number>(SCRIPTED_MAX);
  const pending = new Set<{ reject(reason: unknown): void }>();
  let isOut = false;

  function isDown(): boolean {
    return isOut || now() % 60_000 < outageRate * 60_000;
  }

  function latency(): number {
    return latencyMs + jitterMs * random();
  }

  /** Answers after the company's latency, or after the caller's timeout; an error thrown by `make` is an answer, too. */
  function answerAfter<T>(delayMs: number, make: () => T): Promise<T> {
    const call = Promise.withResolvers<T>();
    pending.add(call);
    later(delayMs, () => {
      pending.delete(call);
      try {
        call.resolve(make());
      } catch (error) {
        call.reject(error);
      }
    });
    return call.promise;
  }

  function sendWebhook(key: string): void {
    webhooks.send({ key, providerId: captureId(key) });
  }

  function chargeOutcome({ key, customer }: ChargeRequest): ChargeOutcome {
    return tooLate.get(key) ? 'too_late' : faults.charge(customer);
  }

  function carryOut(request: ChargeRequest, outcome: ChargeOutcome): ChargeAnswer {
    const { key, customer } = request;
    switch (outcome) {
      case 'duplicate':
        sendWebhook(key);
        sendWebhook(key);
        return answer(key, company.capture(request, true));
      case 'captured':
        if (customer === REFUND_FAILS) refundAttempts.set(key, 0);
        return answer(key, company.capture(request, true));
      case 'declined':
        return answer(key, company.end(request, 'declined', true));
      case 'late':
        company.capture(request, false);
        throw unanswered(timeoutMs);
      case 'lost':
      case 'too_late':
        throw unanswered(timeoutMs);
      case 'error':
        throw unavailable();
    }
  }

  function refundOutcome({ chargeKey }: RefundRequest): RefundOutcome {
    if (company.stateOf(chargeKey) === 'refunded') return 'refunded';
    const attempts = refundAttempts.get(chargeKey);
    if (attempts === undefined) return faults.refund();
    refundAttempts.set(chargeKey, attempts + 1);
    return faults.failingRefund(attempts);
  }

  function giveBack(request: RefundRequest, outcome: RefundOutcome) {
    if (outcome === 'error') throw unavailable();
    if (outcome === 'lost') throw unanswered(timeoutMs);
    const refundId = company.refund(request);
    if (outcome === 'late') throw unanswered(timeoutMs);
    return { type: 'refunded' as const, refundId };
  }

  function waitFor(outcome: ChargeOutcome | RefundOutcome): number {
    return outcome === 'lost' || outcome === 'late' || outcome === 'too_late' ? timeoutMs : latency();
  }

  return {
    charge(request) {
      if (isDown() || webhooks.undelivered() >= UNDELIVERED_MAX) return Promise.reject(unavailable());
      const { key } = request;
      const before = company.stateOf(key);
      if (before) return answerAfter(latency(), () => answer(key, before));
      const outcome = chargeOutcome(request);
      if (outcome === 'too_late') tooLate.set(key, request);
      return answerAfter(waitFor(outcome), () => carryOut(request, outcome));
    },

    cancel({ key }) {
      if (isDown()) return Promise.reject(unavailable());
      const scripted = company.stateOf(key) === undefined && tooLate.get(key);
      const state = company.end({ key }, 'cancelled', false);
      if (scripted) {
        later(tooLateMs, () => {
          company.captureAnyway(scripted);
          sendWebhook(key);
        });
      }
      const isCaptured = state === 'captured' || state === 'refunded';
      return answerAfter(latency(), () => (isCaptured ? captured(key) : { type: 'cancelled' }));
    },

    refund(request) {
      if (isDown()) return Promise.reject(unavailable());
      const outcome = refundOutcome(request);
      return answerAfter(waitFor(outcome), () => giveBack(request, outcome));
    },

    onCapture: webhooks.onCapture,
    buyerPays: null,

    setOutage(value) {
      isOut = value;
    },

    stateOf: company.stateOf,
    money: company.money,

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
    case 'refunded':
      return captured(key);
    case 'declined':
      return { type: 'declined', reason: 'The card was declined.' };
    case 'cancelled':
      return { type: 'declined', reason: 'The charge was cancelled.' };
  }
}

function captured(key: string): Captured {
  return { type: 'captured', providerId: captureId(key) };
}

function unavailable(): AppError {
  return new AppError('unavailable', 'The payment company cannot be reached.');
}

function unanswered(timeoutMs: number): AppError {
  return new AppError('outcome_unknown', `The payment company did not answer within ${timeoutMs} ms.`);
}
