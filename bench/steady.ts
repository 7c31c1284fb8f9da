import type { Connection } from './connection.ts';
import { LatencyHistogram } from './latency.ts';
import { ConnectionPool } from './pool.ts';
import { purchaseRequest, SYNC_PURCHASE, targetOf } from './requests.ts';

/** Sync purchases of one unit at a steady rate, however slow the server is. */
export interface SteadyPurchases {
  readonly latency: LatencyHistogram;
  readonly errors: Readonly<Record<string, number>>;
  /** Resolves when the time is over and all requests are answered. */
  run(durationMs: number): Promise<void>;
  close(): void;
}

export interface SteadyOptions {
  readonly url: string;
  readonly productId: number;
  readonly perS: number;
  /** Receives the units left after each purchase, and the time of its answer. */
  readonly onSold?: (remaining: number, atMs: number) => void;
}

/** More than are busy during a broadcast to all viewers. */
const CONNECTIONS = 256;
const TIMEOUT_MS = 10_000;
/** Purchases due are sent this often: a hundredth of a second's worth at a time. */
const STEP_MS = 10;

export async function openSteadyPurchases(options: SteadyOptions): Promise<SteadyPurchases> {
  const { url, productId, perS, onSold } = options;
  const target = targetOf(url);
  const request = purchaseRequest(target, { path: SYNC_PURCHASE, productId, quantity: 1, seed: 7 });
  const latency = new LatencyHistogram();
  const errors: Record<string, number> = {};
  let buyer = 0;

  function count(kind: string): void {
    errors[kind] = (errors[kind] ?? 0) + 1;
  }

  const pool = await ConnectionPool.open(
    { target, size: CONNECTIONS, rampMs: 0, timeoutMs: TIMEOUT_MS },
    {
      answered({ response, sentAtMs }: Connection) {
        const nowMs = performance.now();
        if (response.status !== 200) return count(String(response.status));
        latency.recordMs(nowMs - sentAtMs);
        const { remainingStock } = JSON.parse(response.text()) as { remainingStock: number };
        onSold?.(remainingStock, nowMs);
      },
      // An idle connection that the server closed is no loss.
      cut({ inFlight }, reason) {
        if (inFlight) count(reason);
      },
    },
  );

  return {
    latency,
    errors,
    async run(durationMs) {
      const startMs = performance.now();
      for (let sent = 0; ; ) {
        const elapsedMs = performance.now() - startMs;
        if (elapsedMs >= durationMs) break;
        for (const due = Math.floor((elapsedMs * perS) / 1000); sent < due; sent++) {
          const connection = pool.take();
          if (!connection) {
            count('no connection free');
            continue;
          }
          connection.send(request(buyer++), 0, performance.now());
        }
        await Bun.sleep(STEP_MS);
      }
      while (pool.busy().length > 0) await Bun.sleep(STEP_MS);
    },
    close: () => pool.close(),
  };
}
