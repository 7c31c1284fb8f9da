import { createHmac } from 'node:crypto';
import type Stripe from 'stripe';
import { backoffMs } from '../../../src/lib/backoff.ts';

/**
 * What becomes of an event's delivery.
 * - `drop`: it is never sent; `hold`: it waits for `release`; `double`: it is sent twice.
 * - `wrong_signature`: it is signed with another secret.
 * - `before_answer`: the receiver has it before the call that caused it is answered.
 */
export interface DeliveryRule {
  readonly how: (typeof DELIVERY_KINDS)[number];
  /** `payment_intent.succeeded`, …; all by default. */
  readonly type?: string;
  /** How often at most; always by default. */
  readonly times?: number;
}

const DELIVERY_KINDS = ['drop', 'hold', 'double', 'wrong_signature', 'before_answer'] as const;

/** Stripe retries for three days with growing pauses; here it is the same number, with pauses that a test can wait for. */
const ATTEMPTS_MAX = 16;
const RETRY_MS_MAX = 1_000;
const DELIVERY_TIMEOUT_MS = 10_000;

interface Delivery {
  readonly event: Stripe.Event;
  readonly isForged: boolean;
}

/** Delivers events to one endpoint, at least once each and in any order. `now` is in seconds. */
export function createWebhooks(now: () => number, retryMs: number) {
  let endpoint: { readonly url: string; readonly secret: string } | null = null;
  let rules: { readonly rule: DeliveryRule; left: number }[] = [];
  let unsent: (Delivery & { readonly isEarly: boolean })[] = [];
  let held: Delivery[] = [];
  const timers = new Set<ReturnType<typeof setTimeout>>();
  const closed = new AbortController();
  let pending = 0;
  let whenIdle = Promise.withResolvers<void>();

  function draw(type: string): DeliveryRule['how'] | null {
    const found = rules.find(({ rule, left }) => left > 0 && (rule.type ?? type) === type);
    if (!found) return null;
    found.left--;
    return found.rule.how;
  }

  async function attempt({ event, isForged }: Delivery): Promise<boolean> {
    if (!endpoint) return true;
    const payload = JSON.stringify(event, null, 2);
    const headers = {
      'Content-Type': 'application/json; charset=utf-8',
      'User-Agent': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)',
      'Stripe-Signature': signature(payload, isForged ? 'whsec_of_somebody_else' : endpoint.secret, now()),
    };
    const signal = AbortSignal.any([closed.signal, AbortSignal.timeout(DELIVERY_TIMEOUT_MS)]);
    try {
      const answer = await fetch(endpoint.url, { method: 'POST', body: payload, headers, signal });
      await answer.body?.cancel();
      return answer.ok;
    } catch {
      return false;
    }
  }

  async function deliver(delivery: Delivery, failures = 0): Promise<void> {
    if (failures === 0) pending++;
    if (await attempt(delivery)) {
      delivery.event.pending_webhooks = 0;
      return end();
    }
    if (failures + 1 >= ATTEMPTS_MAX || closed.signal.aborted) return end();
    const timer = setTimeout(
      () => {
        timers.delete(timer);
        void deliver(delivery, failures + 1);
      },
      backoffMs(failures + 1, retryMs, RETRY_MS_MAX),
    );
    timers.add(timer);
  }

  function end(): void {
    if (--pending > 0) return;
    whenIdle.resolve();
    whenIdle = Promise.withResolvers();
  }

  return {
    /** Where events are sent from now on. */
    connect(url: string, secret: string): void {
      endpoint = { url, secret };
    },

    add(rule: DeliveryRule): void {
      if (!DELIVERY_KINDS.includes(rule.how))
        throw new Error(`how: ${rule.how} is none of ${DELIVERY_KINDS.join(', ')}`);
      rules.push({ rule, left: rule.times ?? Number.POSITIVE_INFINITY });
    },

    clear(): void {
      rules = [];
    },

    /** Takes what has happened; `sendEarly` and `sendAll` send it. */
    take(event: Stripe.Event): void {
      if (!endpoint) return;
      const how = draw(event.type);
      const delivery = { event, isForged: how === 'wrong_signature', isEarly: how === 'before_answer' };
      if (how === 'hold') held.push(delivery);
      else if (how !== 'drop') unsent.push(delivery);
      if (how === 'double') unsent.push(delivery);
    },

    /** Sends what is to be there before an answer, and waits for the first attempt. */
    async sendEarly(): Promise<void> {
      const early = unsent.filter(({ isEarly }) => isEarly);
      unsent = unsent.filter(({ isEarly }) => !isEarly);
      await Promise.all(early.map((delivery) => deliver(delivery)));
    },

    sendAll(): void {
      for (const delivery of unsent) void deliver(delivery);
      unsent = [];
    },

    /** Sends what was held, one after the other; `reversed`: the last first. */
    async release({ reversed = false } = {}): Promise<void> {
      const all = reversed ? held.toReversed() : held;
      held = [];
      for (const delivery of all) await deliver(delivery);
    },

    /** Sends an event that is signed well and in no list of events. */
    forge: (event: Stripe.Event) => deliver({ event, isForged: false }),

    /** Resolves when every event that was sent has been accepted, or given up. */
    idle: (): Promise<void> => (pending === 0 ? Promise.resolve() : whenIdle.promise),

    close(): void {
      closed.abort();
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

/** As docs.stripe.com/webhooks/signature has it; events of test mode also have a signature of a scheme that is not valid. */
function signature(payload: string, secret: string, atSeconds: number): string {
  const sign = (key: string) => createHmac('sha256', key).update(`${atSeconds}.${payload}`).digest('hex');
  return `t=${atSeconds},v1=${sign(secret)},v0=${sign(`${secret} v0`)}`;
}

export type Webhooks = ReturnType<typeof createWebhooks>;
