import { LatencyHistogram } from './latency.ts';
import { OpenLoop } from './open-loop.ts';
import { purchaseRequest, SYNC_PURCHASE, targetOf } from './requests.ts';
import { addCounts } from './workloads/result.ts';

/** Sync purchases of one unit at a steady rate, however slow the server is. */
export interface SteadyPurchases {
  /** From the intended time of each purchase. */
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

export async function openSteadyPurchases(options: SteadyOptions): Promise<SteadyPurchases> {
  const { url, productId, perS, onSold } = options;
  const target = targetOf(url);
  const latency = new LatencyHistogram();
  const errors: Record<string, number> = {};
  const loop = await OpenLoop.open(target, CONNECTIONS, {
    request: purchaseRequest(target, { path: SYNC_PURCHASE, productId, quantity: 1, seed: 7 }),
    expectStatus: 200,
    onAnswer(_, answeredAtMs, response) {
      if (!onSold) return;
      const { remainingStock } = JSON.parse(response.text()) as { remainingStock: number };
      onSold(remainingStock, answeredAtMs);
    },
  });
  return {
    latency,
    errors,
    async run(durationMs) {
      const slice = await loop.run({ durationMs, ratePerS: perS });
      latency.add(slice.latency);
      addCounts(errors, slice.errors);
    },
    close: () => loop.close(),
  };
}
