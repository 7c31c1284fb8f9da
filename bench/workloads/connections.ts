import type { Connection, CutReason } from '../connection.ts';
import { cpuEnginesPct, used } from '../cpu-meter.ts';
import type { Environment } from '../environment.ts';
import { LatencyHistogram } from '../latency.ts';
import { openRamped } from '../pool.ts';
import { ASYNC_PURCHASE, purchaseRequest, SYNC_PURCHASE, stockRequest, targetOf } from '../requests.ts';
import { resetStock } from '../server-api.ts';
import { PLENTY } from './comparison.ts';
import { percent, sumCounts, type WorkloadResult } from './result.ts';

const CONNECTIONS = 10_000;
const RAMP_MS = 2_000;
/** Far longer than the second that the answers may take. */
const ANSWER_TIMEOUT_MS = 30_000;

/** Ten thousand connections, then a request on every one of them at the same moment: the opening of a sale. */
export async function runConnections(environment: Environment): Promise<WorkloadResult> {
  const server = await environment.startServer();
  try {
    await resetStock(server.url, 1, PLENTY);
    const target = targetOf(server.url);
    const buy = (path: string) => purchaseRequest(target, { path, productId: 1, quantity: 1, seed: 1 });
    const stock = stockRequest(target, 1);
    const calls = [
      { request: buy(SYNC_PURCHASE), expectStatus: 200 },
      { request: buy(ASYNC_PURCHASE), expectStatus: 202 },
      { request: () => stock, expectStatus: 200 },
    ];

    const latency = new LatencyHistogram();
    const errors: Record<string, number> = {};
    const countError = (kind: string) => {
      errors[kind] = (errors[kind] ?? 0) + 1;
    };
    let inFlight = 0;
    const finished = Promise.withResolvers<void>();
    const ended = () => {
      if (--inFlight === 0) finished.resolve();
    };
    const handler = {
      answered(connection: Connection) {
        const { status } = connection.response;
        if (status === calls[connection.tag % calls.length]!.expectStatus) {
          latency.recordMs(performance.now() - connection.sentAtMs);
        } else {
          countError(String(status));
        }
        ended();
      },
      cut(connection: Connection, reason: CutReason) {
        countError(connection.inFlight ? `${reason} in flight` : `${reason} while idle`);
        if (connection.inFlight) ended();
      },
    };

    const rssAloneMb = server.usage()?.rssMb ?? null;
    const opened = await openRamped(target, CONNECTIONS, RAMP_MS, handler);
    const rssIdleMb = server.usage()?.rssMb ?? null;
    if (opened.refused > 0) errors['not opened'] = opened.refused;
    const backendsBefore = environment.backendsCpuMs();
    const before = server.usage();
    const startMs = performance.now();
    const usable = opened.connections.filter((connection) => connection.open);
    inFlight = usable.length;
    for (const [n, connection] of usable.entries()) {
      connection.send(calls[n % calls.length]!.request(n), n, performance.now());
    }
    await Promise.race([finished.promise, Bun.sleep(ANSWER_TIMEOUT_MS)]);
    const elapsedMs = performance.now() - startMs;
    const after = server.usage();
    const backendsMs = used(backendsBefore, environment.backendsCpuMs());
    const errorsByKind = inFlight > 0 ? { ...errors, unanswered: inFlight } : { ...errors };
    for (const connection of opened.connections) connection.end('closed');
    return {
      workload: 'connections',
      requestsPerS: Math.round((latency.count / elapsedMs) * 1000),
      ratioToNoop: null,
      p50Ms: latency.percentileMs(50),
      p99Ms: latency.percentileMs(99),
      errors: sumCounts(errorsByKind),
      cpuServerPct: before && after ? percent(after.cpuMs - before.cpuMs, elapsedMs) : null,
      cpuGeneratorPct: null,
      ...cpuEnginesPct(backendsMs, elapsedMs),
      rssMb: after?.rssPeakMb ?? null,
      errorsByKind,
      connections: usable.length,
      maxMs: latency.percentileMs(100),
      rssAloneMb,
      rssIdleMb,
    };
  } finally {
    await server.stop();
  }
}
