import type { BackendsCpuMs, Environment } from './environment.ts';
import { spreadOf } from './report/spread.ts';
import type { ServerProcess } from './server-process.ts';
import { addCounts, percent, rounded } from './workloads/result.ts';

/** CPU time of so many requests; null where it is unknown. */
interface CpuUse {
  readonly requests: number;
  readonly serverMs: number | null;
  /** Absent without a worker beside the server. */
  readonly workerMs?: number | null;
  /** Empty where backends are no processes of their own. */
  readonly backendsMs: Readonly<Record<string, number>>;
}

/** Measures the CPU time of a server, of a worker beside it and of its backends over the slices of a measurement. */
export class CpuMeter {
  readonly #server: ServerProcess;
  /** Null without backends of its own. */
  readonly #environment: Environment | null;
  readonly #worker: ServerProcess | null;
  readonly #slices: CpuUse[] = [];

  constructor(server: ServerProcess, environment: Environment | null, worker: ServerProcess | null = null) {
    this.#server = server;
    this.#environment = environment;
    this.#worker = worker;
  }

  /** Runs one slice. */
  async during<T extends { readonly requests: number }>(slice: () => Promise<T>): Promise<T> {
    const before = this.#read();
    const result = await slice();
    const after = this.#read();
    this.#slices.push({
      requests: result.requests,
      serverMs: between(before.serverMs, after.serverMs),
      ...(this.#worker && { workerMs: between(before.workerMs, after.workerMs) }),
      backendsMs: used(before.backendsMs, after.backendsMs),
    });
    return result;
  }

  /** CPU time as % of a core, and in µs per request: over all slices, and the total also as the spread of the slices. */
  figures(elapsedMs: number) {
    const all = this.#slices.reduce(added);
    const totals = spreadOf(this.#slices.map((slice) => cpuPerRequest(slice).cpuTotalUsPerRequest));
    return {
      cpuServerPct: percent(all.serverMs, elapsedMs),
      ...cpuEnginesPct(all.backendsMs, elapsedMs),
      ...(all.workerMs !== undefined && { cpuWorkerPct: percent(all.workerMs, elapsedMs) }),
      ...cpuPerRequest(all),
      cpuTotalUsMin: totals?.min ?? null,
      cpuTotalUsMax: totals?.max ?? null,
    };
  }

  #read() {
    return {
      serverMs: this.#server.usage()?.cpuMs,
      workerMs: this.#worker?.usage()?.cpuMs,
      backendsMs: this.#environment?.backendsCpuMs() ?? null,
    };
  }
}

/**
 * CPU time per request. The total is the figure that machines agree on: how many requests fit into a second depends on how many
 * cores the server, its backends and the generator share, and what a request costs does not.
 */
export function cpuPerRequest({ serverMs, workerMs, backendsMs, requests }: CpuUse) {
  const perRequestUs = (ms: number) => rounded((ms * 1000) / requests, 1);
  if (serverMs === null || workerMs === null || requests === 0)
    return { cpuServerUsPerRequest: null, cpuTotalUsPerRequest: null };
  const backends = Object.entries(backendsMs);
  return {
    cpuServerUsPerRequest: perRequestUs(serverMs),
    ...(workerMs !== undefined && { cpuWorkerUsPerRequest: perRequestUs(workerMs) }),
    cpuTotalUsPerRequest: perRequestUs(
      backends.reduce((sum, [, ms]) => sum + ms, serverMs + (workerMs ?? 0)),
    ),
    ...(backends.length > 0 && {
      cpuEnginesUsPerRequest: Object.fromEntries(backends.map(([name, ms]) => [name, perRequestUs(ms)])),
    }),
  };
}

function between(before: number | undefined, after: number | undefined): number | null {
  return before === undefined || after === undefined ? null : after - before;
}

function added(a: CpuUse, b: CpuUse): CpuUse {
  const backendsMs = { ...a.backendsMs };
  addCounts(backendsMs, b.backendsMs);
  return {
    requests: a.requests + b.requests,
    serverMs: sumOf(a.serverMs, b.serverMs),
    ...(a.workerMs !== undefined && { workerMs: sumOf(a.workerMs, b.workerMs ?? null) }),
    backendsMs,
  };
}

function sumOf(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a + b;
}

/** The backends' usage in between; empty when unknown. */
export function used(before: BackendsCpuMs | null, after: BackendsCpuMs | null): Record<string, number> {
  if (before === null || after === null) return {};
  return Object.fromEntries(Object.entries(after).map(([name, cpuMs]) => [name, cpuMs - before[name]!]));
}

/** The field of a result; left out without data. */
export function cpuEnginesPct(cpuMs: Readonly<Record<string, number>>, elapsedMs: number) {
  const shares = Object.entries(cpuMs).map(([name, ms]) => [name, percent(ms, elapsedMs)]);
  return shares.length > 0 && { cpuEnginesPct: Object.fromEntries(shares) as Record<string, number | null> };
}
