import { cpuEnginesPct, used } from '../cpu-meter.ts';
import type { Environment } from '../environment.ts';
import { LatencyHistogram } from '../latency.ts';
import { targetOf } from '../requests.ts';
import { resetStock } from '../server-api.ts';
import { openSteadyPurchases } from '../steady.ts';
import { openViewers } from '../viewers.ts';
import { PLENTY, PRODUCT_ID, VIEWERS_ENV, WARM_UP_MS } from './comparison.ts';
import { type Effort, percent, rounded, sumCounts, type WorkloadResult } from './result.ts';

const VIEWERS = 5_000;
const PURCHASES_PER_S = 1_000;
/** Pause after the last viewer has connected: memory that a server holds only briefly is not a viewer's cost. */
const IDLE_MS = 3_000;

/**
 * Thousands watch a product that sells a thousand units a second. Measures how long a viewer's display is out of date: from
 * the answer to the first purchase that it does not show yet until the event that shows it.
 */
export async function runLive(effort: Effort, environment: Environment): Promise<WorkloadResult> {
  const server = await environment.startServer({ PULSECART_PAYMENTS: 'off', ...VIEWERS_ENV });
  try {
    await resetStock(server.url, PRODUCT_ID, PLENTY);
    /** Time of the answer to the purchase that left this many units, counted from the top. */
    const soldAtMs: number[] = [];
    let latency = new LatencyHistogram();
    const purchases = await openSteadyPurchases({
      url: server.url,
      productId: PRODUCT_ID,
      perS: PURCHASES_PER_S,
      onSold: (remaining, atMs) => {
        soldAtMs[PLENTY - remaining] = atMs;
      },
    });
    await purchases.run(WARM_UP_MS);
    const rssAloneMb = server.usage()?.rssMb ?? null;
    const viewers = await openViewers({
      target: targetOf(server.url),
      productId: PRODUCT_ID,
      count: VIEWERS,
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
    const eventsBefore = viewers.events();
    const bytesBefore = viewers.bytes();
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
    const events = viewers.events() - eventsBefore;
    const bytes = viewers.bytes() - bytesBefore;
    await Bun.sleep(IDLE_MS);
    const errorsByKind: Record<string, number> = {
      ...purchases.errors,
      ...(viewers.fallen() > 0 && { 'version did not rise': viewers.fallen() }),
      ...(viewers.open() < VIEWERS && { 'viewer lost': VIEWERS - viewers.open() }),
    };
    purchases.close();
    viewers.close();
    const kbPerIdleViewer =
      rssAloneMb === null || rssIdleMb === null
        ? null
        : rounded(((rssIdleMb - rssAloneMb) * 1024) / VIEWERS, 1);
    return {
      workload: 'live',
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
      viewers: VIEWERS,
      eventsPerS: Math.round((events / elapsedMs) * 1000),
      bytesPerEvent: events === 0 ? null : rounded(bytes / events),
      purchaseP50Ms: purchases.latency.percentileMs(50),
      purchaseP99Ms: purchases.latency.percentileMs(99),
      rssAloneMb,
      rssIdleMb,
      kbPerIdleViewer,
      finding:
        `${VIEWERS} viewers; out of date for ${latency.percentileMs(50)} ms (p50), ${latency.percentileMs(99)} ms (p99), ` +
        `${latency.percentileMs(100)} ms at most; ${kbPerIdleViewer ?? '?'} KB per idle viewer; ` +
        `purchases p99 ${purchases.latency.percentileMs(99)} ms`,
    };
  } finally {
    await server.stop();
  }
}
