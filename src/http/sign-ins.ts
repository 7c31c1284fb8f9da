import { createBoundedMap } from '../lib/bounded-map.ts';
import type { Log } from '../telemetry/log.ts';
import { clientAddressOf, type TrustedProxies } from './client-address.ts';
import type { Refuse } from './json-body.ts';
import type { Limits } from './limits/limits.ts';
import { overLimit } from './limits/refusal.ts';
import { problem } from './respond.ts';

/** What becomes of calls with a wrong operator's token. */
export interface SignIns {
  /** Counts and logs one. Returns 429 where its address brought too many, and null where it may be told that the token is wrong. */
  failed(req: Request, server: Bun.Server<unknown>, refuse: Refuse): Response | null;
  /** Calls with a wrong token so far. */
  readonly failures: number;
}

export interface SignInsOptions {
  /** Null: nothing is slowed down. */
  readonly limits: Pick<Limits, 'rates' | 'addressKey' | 'nowUs' | 'refused'> | null;
  readonly trustedProxies: TrustedProxies;
  readonly log: Pick<Log, 'warn'>;
  readonly nowMs?: () => number;
}

/** Of one address there is one line per second at most. */
const LOG_EVERY_MS = 1_000;
/** Addresses whose last line is remembered: a megabyte. */
const ADDRESSES_MAX = 10_000;

export function createSignIns({
  limits,
  trustedProxies,
  log,
  nowMs = () => performance.now(),
}: SignInsOptions): SignIns {
  const lines = createBoundedMap<{ readonly atMs: number; failures: number }>(ADDRESSES_MAX);
  let failures = 0;

  /** The token is never in it: it may be the right one of another server. */
  function write(address: string): void {
    const last = lines.get(address);
    if (last && nowMs() - last.atMs < LOG_EVERY_MS) {
      last.failures++;
      return;
    }
    log.warn({ address, failures: (last?.failures ?? 0) + 1 }, 'calls with a wrong operator token');
    lines.set(address, { atMs: nowMs(), failures: 0 });
  }

  return {
    failed(req, server, refuse) {
      failures++;
      write(clientAddressOf(req, server, trustedProxies).address);
      const rate = limits?.rates['sign-in-address'];
      const key = rate && limits.addressKey(req, server);
      if (!rate || !key) return null;
      const wait = rate.take(key, limits.nowUs());
      if (wait === 0) return null;
      limits.refused(rate.name, req);
      return overLimit(req, rate, wait, refuse === problem ? 'problem' : 'error');
    },
    get failures() {
      return failures;
    },
  };
}
