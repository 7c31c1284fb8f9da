import type { Caller } from './caller.ts';

/** One purchase that was asked for, by the clock of this machine, which is also the backends'. */
export interface Attempt {
  readonly channel: 'sync' | 'async';
  readonly sentAtMs: number;
  readonly heardAtMs: number;
  /** `bought`, `accepted`, or the code of the refusal. */
  readonly said: string;
  /** The answer's own time: of a bought one when the ledger decided it, of an accepted one when it was accepted. */
  readonly timestampMs: number;
  /** The order or tracking id; null for a refused one. */
  readonly id: string | null;
}

/** An accepted attempt with its outcome: `confirmed`, or the code of its refusal. */
export interface Decided extends Attempt {
  readonly outcome: string;
}

export interface Load {
  readonly attempts: readonly Attempt[];
  /** Stops the buyers, then reads the outcome of everything that was accepted. */
  stop(): Promise<Decided[]>;
}

const SYNC_BUYERS = 12;
const ASYNC_BUYERS = 4;
/** Enough for every moment of a window, few enough to ask for each outcome. */
const ASYNC_PAUSE_MS = 4;
const ASK_AT_ONCE = 16;

/** Buyers that ask for one unit again and again, each as soon as it has its answer. */
export function startLoad(shop: Pick<Caller, 'buy' | 'get'>, productId: number): Load {
  const attempts: Attempt[] = [];
  let stopped = false;

  async function attempt(channel: Attempt['channel']): Promise<void> {
    const sentAtMs = Date.now();
    const { status, json } = await shop.buy(channel, { productId, quantity: 1 });
    attempts.push({
      channel,
      sentAtMs,
      heardAtMs: Date.now(),
      said: status === 200 ? 'bought' : status === 202 ? 'accepted' : json.code,
      timestampMs: Date.parse(json.timestamp),
      id: json.orderId ?? json.trackingId ?? null,
    });
  }

  async function buyer(channel: Attempt['channel']): Promise<void> {
    while (!stopped) {
      await attempt(channel);
      if (channel === 'async') await Bun.sleep(ASYNC_PAUSE_MS);
    }
  }

  const buyers = [
    ...Array.from({ length: SYNC_BUYERS }, () => buyer('sync')),
    ...Array.from({ length: ASYNC_BUYERS }, () => buyer('async')),
  ];

  return {
    attempts,
    async stop() {
      stopped = true;
      await Promise.all(buyers);
      const accepted = attempts.filter(({ said }) => said === 'accepted');
      const decided: Decided[] = [];
      const ask = async () => {
        for (let one = accepted.pop(); one; one = accepted.pop()) {
          const { json } = await shop.get(`/api/v1/async/purchase/${one.id}?wait=30s`);
          decided.push({ ...one, outcome: json.code ?? json.status });
        }
      };
      await Promise.all(Array.from({ length: ASK_AT_ONCE }, ask));
      return decided;
    },
  };
}
