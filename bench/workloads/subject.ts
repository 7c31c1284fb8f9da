import { ClosedLoop, type Load } from '../closed-loop.ts';
import type { Target } from '../connection.ts';
import type { BackendsCpuMs, Environment } from '../environment.ts';
import { LatencyHistogram } from '../latency.ts';
import { targetOf } from '../requests.ts';
import type { ServerProcess } from '../server-process.ts';
import { addCounts, percent, rounded } from './result.ts';

/** The concurrent buyers of this project's published figures. */
export const CONNECTIONS = 256;

/** One server under closed-loop load, and the sums of all its slices. */
export class Subject {
  readonly server: ServerProcess;
  readonly latency = new LatencyHistogram();
  readonly errors: Record<string, number> = {};
  readonly #loop: ClosedLoop;
  #requests = 0;
  #elapsedMs = 0;
  #cpuServerMs: number | null = 0;
  #cpuGeneratorMs = 0;
  /** Null without an environment. */
  readonly #environment: Environment | null;
  readonly #cpuBackendsMs: Record<string, number> = {};

  private constructor(server: ServerProcess, loop: ClosedLoop, environment: Environment | null) {
    this.server = server;
    this.#loop = loop;
    this.#environment = environment;
  }

  static async open(
    server: ServerProcess,
    load: (target: Target) => Load,
    environment: Environment | null = null,
  ): Promise<Subject> {
    const target = targetOf(server.url);
    return new Subject(server, await ClosedLoop.open(target, CONNECTIONS, load(target)), environment);
  }

  /** Warm-up load, not measured: afterwards code is compiled and files are open. */
  async warmUp(durationMs: number): Promise<void> {
    await this.#loop.run({ durationMs });
  }

  /** Measures one slice; returns its requests per second. */
  async measure(limit: { durationMs: number; requests?: number }): Promise<number> {
    const backendsBefore = this.#environment?.backendsCpuMs() ?? null;
    const before = this.server.usage();
    const slice = await this.#loop.run(limit);
    const after = this.server.usage();
    addCounts(this.#cpuBackendsMs, used(backendsBefore, this.#environment?.backendsCpuMs() ?? null));
    this.#requests += slice.requests;
    this.#elapsedMs += slice.elapsedMs;
    this.#cpuGeneratorMs += slice.cpuGeneratorMs;
    this.#cpuServerMs =
      before === null || after === null || this.#cpuServerMs === null
        ? null
        : this.#cpuServerMs + after.cpuMs - before.cpuMs;
    this.latency.add(slice.latency);
    addCounts(this.errors, slice.errors);
    return (slice.requests / slice.elapsedMs) * 1000;
  }

  close(): void {
    this.#loop.close();
  }

  stats() {
    const perRequestUs = (ms: number | null) =>
      ms === null || this.#requests === 0 ? null : rounded((ms * 1000) / this.#requests, 1);
    return {
      requests: this.#requests,
      requestsPerS: this.#elapsedMs === 0 ? null : rounded((this.#requests / this.#elapsedMs) * 1000),
      cpuServerPct: percent(this.#cpuServerMs, this.#elapsedMs),
      cpuGeneratorPct: percent(this.#cpuGeneratorMs, this.#elapsedMs),
      ...cpuEnginesPct(this.#cpuBackendsMs, this.#elapsedMs),
      cpuServerUsPerRequest: perRequestUs(this.#cpuServerMs),
      cpuGeneratorUsPerRequest: perRequestUs(this.#cpuGeneratorMs),
      rssMb: this.server.usage()?.rssMb ?? null,
    };
  }
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
