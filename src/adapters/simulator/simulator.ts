import { type Clock, systemClock } from '../../domain/clock.ts';
import { AppError } from '../../domain/errors.ts';
import { randomFrom } from '../../lib/random.ts';
import type {
  Captured,
  ChargeAnswer,
  ChargeRequest,
  PaymentProvider,
  RefundRequest,
} from '../../ports/provider.ts';
import { type ChargeState, captureId, type Money, openCompanyBooks } from './company-books.ts';
import { type Fate, type FateRates, fateTeller, REFUND_FAILS, type RefundFate } from './fates.ts';
import { createNotices } from './notices.ts';
import { createRecent } from './recent.ts';
import { createTimerWheel, type Later } from './timer-wheel.ts';

export interface SimulatorOptions extends Partial<FateRates> {
  /** Time to an answer, at least. */
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
  /** How time passes; real time unless told. */
  readonly later?: Later;
  readonly now?: Clock;
}

export interface Simulator extends PaymentProvider {
  /** While set, every call fails with `unavailable`, as with the company's front door down. */
  setOutage(isOut: boolean): void;
  /** What the company knows of this key; undefined: nothing was charged, declined or cancelled under it. */
  stateOf(key: string): ChargeState | undefined;
  /** What it captured and gave back. */
  money(currency: string): Money;
}

/** Customers and keys with a story of their own that are remembered. */
const STORIES_MAX = 100_000;

/** With more captures than this to tell of it takes no more charges rather than forget one. */
const UNTOLD_MAX = 100_000;

/** A payment company in memory. It charges once per key, and forgets everything with the process. */
export function openSimulator(options: SimulatorOptions = {}): Simulator {
  const { latencyMs = 5, jitterMs = 5, timeoutMs = 2_000, outageRate = 0, tooLateMs = 2_000 } = options;
  const { seed = 1, now = systemClock } = options;
  const wheel = options.later ? null : createTimerWheel();
  const later = options.later ?? wheel!.later;
  const random = randomFrom(seed);
  const tellFate = fateTeller(options, random);
  const books = openCompanyBooks();
  const notices = createNotices(later);
  const tooLate = createRecent<ChargeRequest>(STORIES_MAX);
  const refundAsks = createRecent<number>(STORIES_MAX);
  const pending = new Set<{ reject(reason: unknown): void }>();
  let isOut = false;

  function isDown(): boolean {
    return isOut || now() % 60_000 < outageRate * 60_000;
  }

  function latency(): number {
    return latencyMs + jitterMs * random();
  }

  /** Answers after the company's time, or after the caller's patience; what is thrown is the answer, too. */
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

  function tell(key: string): void {
    notices.tell({ key, providerId: captureId(key) });
  }

  function chargeFate({ key, customer }: ChargeRequest): Fate {
    return tooLate.get(key) ? 'too_late' : tellFate.charge(customer);
  }

  function carryOut(request: ChargeRequest, fate: Fate): ChargeAnswer {
    const { key, customer } = request;
    switch (fate) {
      case 'told_twice':
        tell(key);
        tell(key);
        return answer(key, books.capture(request, true));
      case 'captured':
        if (customer === REFUND_FAILS) refundAsks.set(key, 0);
        return answer(key, books.capture(request, true));
      case 'declined':
        return answer(key, books.end(request, 'declined', true));
      case 'late':
        books.capture(request, false);
        throw unanswered(timeoutMs);
      case 'lost':
      case 'too_late':
        throw unanswered(timeoutMs);
      case 'error':
        throw unavailable();
    }
  }

  function refundFate({ chargeKey }: RefundRequest): RefundFate {
    if (books.stateOf(chargeKey) === 'refunded') return 'refunded';
    const asks = refundAsks.get(chargeKey);
    if (asks === undefined) return tellFate.refund();
    refundAsks.set(chargeKey, asks + 1);
    return tellFate.failingRefund(asks);
  }

  function giveBack(request: RefundRequest, fate: RefundFate) {
    if (fate === 'error') throw unavailable();
    if (fate === 'lost') throw unanswered(timeoutMs);
    const refundId = books.giveBack(request);
    if (fate === 'late') throw unanswered(timeoutMs);
    return { type: 'refunded' as const, refundId };
  }

  function waitFor(fate: Fate | RefundFate): number {
    return fate === 'lost' || fate === 'late' || fate === 'too_late' ? timeoutMs : latency();
  }

  return {
    charge(request) {
      if (isDown() || notices.count() >= UNTOLD_MAX) return Promise.reject(unavailable());
      const { key } = request;
      const before = books.stateOf(key);
      if (before) return answerAfter(latency(), () => answer(key, before));
      const fate = chargeFate(request);
      if (fate === 'too_late') tooLate.set(key, request);
      return answerAfter(waitFor(fate), () => carryOut(request, fate));
    },

    cancel(key) {
      if (isDown()) return Promise.reject(unavailable());
      const doomed = books.stateOf(key) === undefined && tooLate.get(key);
      const state = books.end({ key }, 'cancelled', false);
      if (doomed) {
        later(tooLateMs, () => {
          books.captureAnyway(doomed);
          tell(key);
        });
      }
      const isCaptured = state === 'captured' || state === 'refunded';
      return answerAfter(latency(), () => (isCaptured ? captured(key) : { type: 'cancelled' }));
    },

    refund(request) {
      if (isDown()) return Promise.reject(unavailable());
      const fate = refundFate(request);
      return answerAfter(waitFor(fate), () => giveBack(request, fate));
    },

    onCapture: notices.onCapture,

    setOutage(value) {
      isOut = value;
    },

    stateOf: books.stateOf,
    money: books.money,

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
