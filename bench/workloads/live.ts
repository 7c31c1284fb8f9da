import { fileLimit } from '../../src/lib/file-limit.ts';
import { cpuEnginesPct, used } from '../cpu-meter.ts';
import type { Environment } from '../environment.ts';
import { LatencyHistogram } from '../latency.ts';
import { targetOf } from '../requests.ts';
import { resetStock } from '../server-api.ts';
import { openSteadyPurchases } from '../steady.ts';
import { openViewers } from '../viewers.ts';
import { PLENTY, PRODUCT_ID, VIEWERS_ENV, WARM_UP_MS } from './comparison.ts';
import { type Effort, percent, rounded, sumCounts, type WorkloadResult } from './result.ts';

/** How many watch, and how much is bought. */
const SCENES = {
  live: { viewers: 5_000, purchasesPerS: 1_000 },
  'live-crowd': { viewers: 20_000, purchasesPerS: 5_000 },
} as const;
/** Files that the server and the generator have open besides. */
const FILES_BESIDE = 1_000;
/** Pause after the last viewer has connected: memory that a server holds only briefly is not a viewer's cost. */
const IDLE_MS = 3_000;

/**
 * Thousands watch a product that sells thousands of units a second. Measures how long a viewer's display is out of date: from
 * the answer to the first purchase that it does not show yet until the event that shows it.
 */
export async function runLive(
  name: keyof typeof SCENES,
  effort: Effort,
  environment: Environment,
): Promise<WorkloadResult> {
  const { viewers, purchasesPerS } = SCENES[name];
  // Each viewer is an open file, here and in the server.
  const count = Math.min(viewers, (fileLimit() ?? Number.POSITIVE_INFINITY) - FILES_BESIDE);
  const server = await environment.startServer({ PULSECART_PAYMENTS: 'off', ...VIEWERS_ENV });
  try {
    await resetStock(server.url, PRODUCT_ID, PLENTY);
    /** Time of the answer to the purchase that left this many units, counted from the top. */
    const soldAtMs: number[] = [];
    let latency = new LatencyHistogram();
    const purchases = await openSteadyPurchases({
      url: server.url,
      productId: PRODUCT_ID,
      perS: purchasesPerS,
      onSold: (remaining, atMs) => {
        soldAtMs[PLENTY - remaining] = atMs;
      },
    });
    await purchases.run(WARM_UP_MS);
    const rssAloneMb = server.usage()?.rssMb ?? null;
    const watching = await openViewers({
      target: targetOf(server.url),
      productId: PRODUCT_ID,
      count,
      onChange(before, _, atMs) {
        // The event may overtake the answer.
        const since = soldAtMs[PLENTY - before.available + 1] ?? atMs;
        latency.recordMs(Math.max(0, atMs - since));
      },
    });
    await Bun.sleep(IDLE_MS);
    const rssIdleMb = server.usage()?.rssMb ?? null;
    await purchases.run(WARM_UP_MS);

    latency = new LatencyHistogram();
    const eventsBefore = watching.events();
    const bytesBefore = watching.bytes();
    const soldBefore = purchases.latency.count;
    const backendsBefore = environment.backendsCpuMs();
    const before = server.usage();
    const cpuBefore = process.cpuUsage();
    const startMs = performance.now();
    await purchases.run(effort.seconds * 1000);
    const elapsedMs = performance.now() - startMs;
    const cpu = process.cpuUsage(cpuBefore);
    const after = server.usage();
    const backendsMs = used(backendsBefore, environment.backendsCpuMs());
    const events = watching.events() - eventsBefore;
    const bytes = watching.bytes() - bytesBefore;
    await Bun.sleep(IDLE_MS);
    const errorsByKind: Record<string, number> = {
      ...purchases.errors,
      ...(watching.fallen() > 0 && { 'version did not rise': watching.fallen() }),
      ...(watching.open() < count && { 'viewer lost': count - watching.open() }),
    };
    purchases.close();
    watching.close();
    const kbPerIdleViewer =
      rssAloneMb === null || rssIdleMb === null
        ? null
        : rounded(((rssIdleMb - rssAloneMb) * 1024) / count, 1);
    return {
      workload: name,
      requestsPerS: Math.round(((purchases.latency.count - soldBefore) / elapsedMs) * 1000),
      ratioToNoop: null,
      p50Ms: latency.percentileMs(50),
      p99Ms: latency.percentileMs(99),
      errors: sumCounts(errorsByKind),
      cpuServerPct: before && after ? percent(after.cpuMs - before.cpuMs, elapsedMs) : null,
      cpuGeneratorPct: percent((cpu.user + cpu.system) / 1000, elapsedMs),
      ...cpuEnginesPct(backendsMs, elapsedMs),
      rssMb: after?.rssMb ?? null,
      errorsByKind,
      maxMs: latency.percentileMs(100),
      viewers: count,
      eventsPerS: Math.round((events / elapsedMs) * 1000),
      bytesPerEvent: events === 0 ? null : rounded(bytes / events),
      purchaseP50Ms: purchases.latency.percentileMs(50),
      purchaseP99Ms: purchases.latency.percentileMs(99),
      rssAloneMb,
      rssIdleMb,
      kbPerIdleViewer,
      finding:
        `${count} viewers; out of date for ${latency.percentileMs(50)} ms (p50), ${latency.percentileMs(99)} ms (p99), ` +
        `${latency.percentileMs(100)} ms at most; ${kbPerIdleViewer ?? '?'} KB per idle viewer; ` +
        `purchases p99 ${purchases.latency.percentileMs(99)} ms`,
    };
  } finally {
    await server.stop();
  }
}
