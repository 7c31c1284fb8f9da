import { mayDo, type Operator } from '../../domain/operator.ts';
import { createExpiringTable } from '../../lib/expiring-table.ts';
import { createKeyHash } from '../../lib/key-hash.ts';
import type { Log } from '../../telemetry/log.ts';
import type { TrustedProxies } from '../client-address.ts';
import { type AddressKey, createAddressKey } from './address-key.ts';
import { openRates, RATE_NAMES, type RateName, type RatePolicies, type Rates } from './rates.ts';

/** Who is limited by what, in this process. Null in the service: nothing is limited. */
export interface Limits {
  readonly rates: Rates;
  readonly addressKey: AddressKey;
  /** Idempotency keys that were answered with an order or a tracking id: who repeats one attempts nothing. */
  readonly answeredKeys: AnsweredKeys;
  /** Microseconds of a clock that never goes back. */
  nowUs(): number;
  /** Whether a caller that is over a limit may pass all the same, because the token of an operator who acts comes with the request. */
  isExempt(req: Request): boolean;
  /** By what an operator is limited where the address is over its limit; null: no operator's token comes with the request. */
  operatorKey(req: Request): string | null;
  /** Counts a refusal. */
  refused(name: RateName, req: Request): void;
  /** Refusals so far, by the rate's name. */
  readonly counts: Readonly<Record<RateName, number>>;
}

interface AnsweredKeys {
  has(scopedKey: string): boolean;
  add(scopedKey: string): void;
}

export interface LimitsOptions {
  readonly policies: RatePolicies;
  readonly trustedProxies: TrustedProxies;
  /** No network of proxies is set: who brings `X-Forwarded-For` may be one that was forgotten. */
  readonly knowsNoProxies: boolean;
  /** Asked only for who is over a limit. */
  operatorOf(req: Request): Operator | null;
  readonly log: Log;
  readonly nowUs?: () => number;
}

/** Clients that got no answer repeat a request within minutes. */
const ANSWERED_KEYS_KEPT_US = 10 * 60 * 1e6;
/** 2 MiB: more orders than a flash sale has. One that is forgotten is found out by its answer. */
const ANSWERED_KEYS_SLOTS = 2 ** 17;
const WARN_EVERY_US = 60 * 1e6;

export function createLimits({
  policies,
  trustedProxies,
  knowsNoProxies,
  operatorOf,
  log,
  nowUs = () => Math.floor(performance.now() * 1000),
}: LimitsOptions): Limits {
  const counts = Object.fromEntries(RATE_NAMES.map((name) => [name, 0])) as Record<RateName, number>;
  let warnedAtUs = -WARN_EVERY_US;

  /** A shop behind a proxy that nobody named: all its buyers share one limit. */
  function warnOfProxy(req: Request): void {
    if (!req.headers.has('x-forwarded-for') || nowUs() - warnedAtUs < WARN_EVERY_US) return;
    warnedAtUs = nowUs();
    log.warn(
      'requests over the limit of one address carry X-Forwarded-For: if that is a proxy of yours, set PULSECART_TRUSTED_PROXIES, else all its clients share one limit',
    );
  }

  return {
    rates: openRates(policies),
    addressKey: createAddressKey(trustedProxies),
    answeredKeys: createAnsweredKeys(nowUs),
    nowUs,
    isExempt(req) {
      const operator = operatorOf(req);
      return operator !== null && mayDo(operator.role, 'operator');
    },
    operatorKey(req) {
      const operator = operatorOf(req);
      return operator && `operator ${operator.name ?? ''}`;
    },
    refused(name, req) {
      counts[name]++;
      if (knowsNoProxies && name.endsWith('-address')) warnOfProxy(req);
    },
    counts,
  };
}

function createAnsweredKeys(nowUs: () => number): AnsweredKeys {
  const table = createExpiringTable(ANSWERED_KEYS_SLOTS);
  const hash = createKeyHash();
  return {
    has(key) {
      hash.read(key);
      return table.get(hash.high, hash.low) > nowUs();
    },
    add(key) {
      hash.read(key);
      table.set(hash.high, hash.low, nowUs() + ANSWERED_KEYS_KEPT_US, nowUs());
    },
  };
}
