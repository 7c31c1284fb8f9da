import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { makeOwnFolder, removeFolder } from '../../src/lib/own-folder.ts';
import { within } from '../../src/lib/within.ts';
import { ClosedLoop } from '../closed-loop.ts';
import type { Environment } from '../environment.ts';
import { undoneWhenInterrupted } from '../interrupted.ts';
import { LatencyHistogram } from '../latency.ts';
import { targetOf } from '../requests.ts';
import { resetStock } from '../server-api.ts';
import type { ServerProcess } from '../server-process.ts';
import { openViewers } from '../viewers.ts';
import { COMPARED, PLENTY, PRODUCT_ID, WARM_UP_MS } from './comparison.ts';
import { type Effort, NOTHING, type WorkloadResult } from './result.ts';

/** Three rounds, the fewest, are enough for a p99. */
const PURCHASES_PER_ROUND = 100;
/** A pause in which a server and its backends finish all work for one purchase. */
const PAUSE_MS = 20;
/** A pause longer than the 50 ms at which a stream is paced, so that each change is sent at once. */
const PAUSE_WATCHED_MS = 100;
/** What a small transaction writes to a log. */
const SYNCED_BYTES = 4_096;
/** The file is written over, as logs of stores are after their first lap. */
const FILE_BYTES = 1_048_576;
const PATIENCE_MS = 10_000;

/**
 * A purchase that has an idle server for itself, one after the other on one connection; beside it, in turns, what this machine takes
 * to write a little to a file and sync it: a durable answer cannot be faster.
 */
export async function runLone(
  effort: Effort,
  environment: Environment,
  perRound = PURCHASES_PER_ROUND,
): Promise<WorkloadResult> {
  const server = await environment.startServer(COMPARED['sync-win'].env);
  const disk = openDisk();
  try {
    const buyer = await LoneBuyer.open(server);
    const syncs = new LatencyHistogram();
    await environment.quiet();
    for (let i = 0; i < perRound * effort.rounds; i++) {
      await Bun.sleep(PAUSE_MS);
      await buyer.buy();
      await Bun.sleep(PAUSE_MS);
      syncs.recordMs(disk.syncMs());
    }
    buyer.close();
    const [syncP50Ms, syncP99Ms] = [syncs.percentileMs(50), syncs.percentileMs(99)];
    return {
      ...NOTHING,
      workload: 'lone',
      p50Ms: buyer.latency.percentileMs(50),
      p99Ms: buyer.latency.percentileMs(99),
      purchases: buyer.latency.count,
      syncP50Ms,
      syncP99Ms,
      syncedBytes: SYNCED_BYTES,
      finding:
        `${buyer.latency.count} purchases, one at a time on an idle server; ` +
        `a write of ${SYNCED_BYTES} bytes and its sync alone took p50 ${syncP50Ms}, p99 ${syncP99Ms} ms`,
    };
  } finally {
    disk.close();
    await server.stop();
  }
}

/** Live news of an idle server: from the answer to a lone purchase until the only viewer of its product has the event that shows it. */
export async function runLiveLone(
  effort: Effort,
  environment: Environment,
  perRound = PURCHASES_PER_ROUND,
): Promise<WorkloadResult> {
  const server = await environment.startServer(COMPARED['sync-win'].env);
  try {
    const buyer = await LoneBuyer.open(server);
    let [left, shownMs] = [PLENTY, 0];
    let shown = Promise.withResolvers<void>();
    const viewer = await openViewers({
      target: targetOf(server.url),
      productId: PRODUCT_ID,
      count: 1,
      onChange(_, now, atMs) {
        if (now.available !== left) return;
        shownMs = atMs;
        shown.resolve();
      },
    });
    await environment.quiet();
    const fromAnswer = new LatencyHistogram();
    const fromSending = new LatencyHistogram();
    for (let i = 0; i < perRound * effort.rounds; i++) {
      await Bun.sleep(PAUSE_WATCHED_MS);
      left--;
      shown = Promise.withResolvers();
      const { sentAtMs, answeredAtMs } = await buyer.buy();
      await within(shown.promise, PATIENCE_MS, () => new Error('the viewer was not shown a purchase'));
      // The event may overtake the answer.
      fromAnswer.recordMs(Math.max(0, shownMs - answeredAtMs));
      fromSending.recordMs(shownMs - sentAtMs);
    }
    viewer.close();
    buyer.close();
    const [p50Ms, p99Ms] = [fromAnswer.percentileMs(50), fromAnswer.percentileMs(99)];
    const sending = { p50Ms: fromSending.percentileMs(50), p99Ms: fromSending.percentileMs(99) };
    return {
      ...NOTHING,
      workload: 'live-lone',
      p50Ms,
      p99Ms,
      fromSending: sending,
      purchases: fromAnswer.count,
      finding:
        `${fromAnswer.count} purchases, one at a time on an idle server: one viewer had each p50 ${p50Ms}, p99 ${p99Ms} ms after its ` +
        `answer; p50 ${sending.p50Ms}, p99 ${sending.p99Ms} ms after its sending`,
    };
  } finally {
    await server.stop();
  }
}

interface Purchase {
  readonly sentAtMs: number;
  readonly answeredAtMs: number;
}

/** One connection of a warm server, whose product has all its units again. */
class LoneBuyer {
  readonly latency = new LatencyHistogram();
  readonly #loop: ClosedLoop;
  readonly #answered: Purchase[];

  private constructor(loop: ClosedLoop, answered: Purchase[]) {
    this.#loop = loop;
    this.#answered = answered;
  }

  static async open(server: ServerProcess): Promise<LoneBuyer> {
    await resetStock(server.url, PRODUCT_ID, PLENTY);
    const target = targetOf(server.url);
    const answered: Purchase[] = [];
    const loop = await ClosedLoop.open(target, 1, {
      ...COMPARED['sync-win'].load(target),
      onAnswer: (sentAtMs, answeredAtMs) => void answered.push({ sentAtMs, answeredAtMs }),
    });
    await loop.run({ durationMs: WARM_UP_MS });
    await resetStock(server.url, PRODUCT_ID, PLENTY);
    return new LoneBuyer(loop, answered);
  }

  /** Rejects when the purchase was not sold. */
  async buy(): Promise<Purchase> {
    const { latency, requests, errors } = await this.#loop.run({ durationMs: PATIENCE_MS, requests: 1 });
    if (requests !== 1) throw new Error(`a purchase was answered otherwise: ${JSON.stringify(errors)}`);
    this.latency.add(latency);
    return this.#answered.at(-1)!;
  }

  close(): void {
    this.#loop.close();
  }
}

/** A file in the system's temporary folder, where the stores of all environments are, too. */
function openDisk() {
  const folder = makeOwnFolder('pulsecart-sync-');
  const isClosed = undoneWhenInterrupted(async () => removeFolder(folder));
  const file = openSync(join(folder, 'synced'), 'w');
  writeSync(file, new Uint8Array(FILE_BYTES));
  fdatasyncSync(file);
  const bytes = new Uint8Array(SYNCED_BYTES);
  let at = 0;
  return {
    syncMs(): number {
      const startMs = performance.now();
      writeSync(file, bytes, 0, SYNCED_BYTES, at);
      fdatasyncSync(file);
      at = (at + SYNCED_BYTES) % FILE_BYTES;
      return performance.now() - startMs;
    },
    close() {
      isClosed();
      closeSync(file);
      removeFolder(folder);
    },
  };
}
