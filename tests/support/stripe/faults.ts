import { randomFrom } from '../../../src/lib/random.ts';

/**
 * What goes wrong with a call.
 * - `slow`: it is carried out after `ms`; `slow_answer`: it is answered so late.
 * - `rate_limit`, `lock_timeout`: 429, nothing done, nothing kept under the idempotency key.
 * - `error_before`, `error_after`: 500, instead of carrying it out or afterwards; kept under the key.
 * - `cut_before`, `cut_after`: the connection breaks, before it is carried out or afterwards.
 */
export interface Fault {
  readonly kind: (typeof FAULT_KINDS)[number];
  /** `POST /v1/refunds`, `POST /v1/payment_intents/:id/capture`, …; all by default. */
  readonly route?: string;
  /** How often at most; always by default. */
  readonly times?: number;
  /** Share of the calls, 0…1; all of them by default. */
  readonly share?: number;
  /** For the slow ones: 10 s by default. */
  readonly ms?: number;
  /** For `rate_limit`: the header Retry-After. */
  readonly retryAfterSeconds?: number;
}

const FAULT_KINDS = [
  'slow',
  'slow_answer',
  'rate_limit',
  'lock_timeout',
  'error_before',
  'error_after',
  'cut_before',
  'cut_after',
] as const;

/** Draws the fault of each call; the same seed and the same calls make the same draws. */
export function createFaults(seed: number) {
  const random = randomFrom(seed);
  let rules: { readonly fault: Fault; left: number }[] = [];
  return {
    add(fault: Fault): void {
      if (!FAULT_KINDS.includes(fault.kind))
        throw new Error(`kind: ${fault.kind} is none of ${FAULT_KINDS.join(', ')}`);
      rules.push({ fault, left: fault.times ?? Number.POSITIVE_INFINITY });
    },
    clear(): void {
      rules = [];
    },
    /** The first fault that is for this call. */
    draw(route: string): Fault | null {
      for (const rule of rules) {
        const { fault } = rule;
        if (rule.left < 1 || (fault.route ?? route) !== route) continue;
        if (fault.share !== undefined && random() >= fault.share) continue;
        rule.left--;
        return fault;
      }
      return null;
    },
  };
}

export type Faults = ReturnType<typeof createFaults>;
