import type { BackendsCpuMs, Environment } from './environment.ts';
import type { ServerProcess } from './server-process.ts';
import { addCounts, percent, rounded } from './workloads/result.ts';

/** Sums the CPU time of a server and of its backends over the slices of a measurement. */
export class CpuMeter {
  readonly #server: ServerProcess;
  /** Null without backends of its own. */
  readonly #environment: Environment | null;
  #serverMs: number | null = 0;
  readonly #backendsMs: Record<string, number> = {};

  constructor(server: ServerProcess, environment: Environment | null) {
    this.#server = server;
    this.#environment = environment;
  }

  /** Runs one slice. */
  async during<T>(slice: () => Promise<T>): Promise<T> {
    const backendsBefore = this.#environment?.backendsCpuMs() ?? null;
    const before = this.#server.usage();
    const result = await slice();
    const after = this.#server.usage();
    addCounts(this.#backendsMs, used(backendsBefore, this.#environment?.backendsCpuMs() ?? null));
    this.#serverMs =
      before === null || after === null || this.#serverMs === null
        ? null
        : this.#serverMs + after.cpuMs - before.cpuMs;
    return result;
  }

  /** Of a core, and per request. */
  figures(requests: number, elapsedMs: number) {
    return {
      cpuServerPct: percent(this.#serverMs, elapsedMs),
      ...cpuEnginesPct(this.#backendsMs, elapsedMs),
      ...cpuPerRequest(this.#serverMs, this.#backendsMs, requests),
    };
  }
}

/**
 * CPU time per request. The total is the figure that machines agree on: how many requests fit into a second depends on how many
 * cores the server, its backends and the generator share, and what a request costs does not.
 */
export function cpuPerRequest(
  serverMs: number | null,
  backendsMs: Readonly<Record<string, number>>,
  requests: number,
) {
  const perRequestUs = (ms: number) => rounded((ms * 1000) / requests, 1);
  if (serverMs === null || requests === 0) return { cpuServerUsPerRequest: null, cpuTotalUsPerRequest: null };
  const backends = Object.entries(backendsMs);
  return {
    cpuServerUsPerRequest: perRequestUs(serverMs),
    cpuTotalUsPerRequest: perRequestUs(backends.reduce((sum, [, ms]) => sum + ms, serverMs)),
    ...(backends.length > 0 && {
      cpuEnginesUsPerRequest: Object.fromEntries(backends.map(([name, ms]) => [name, perRequestUs(ms)])),
    }),
  };
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
