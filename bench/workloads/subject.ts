import { ClosedLoop, type Load } from '../closed-loop.ts';
import type { Target } from '../connection.ts';
import { CpuMeter } from '../cpu-meter.ts';
import type { Environment } from '../environment.ts';
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
  readonly #meter: CpuMeter;
  #requests = 0;
  #elapsedMs = 0;
  #cpuGeneratorMs = 0;

  private constructor(server: ServerProcess, loop: ClosedLoop, environment: Environment | null) {
    this.server = server;
    this.#loop = loop;
    this.#meter = new CpuMeter(server, environment);
  }

  static async open(
    server: ServerProcess,
    load: (target: Target) => Load,
    environment: Environment | null = null,
    connections = CONNECTIONS,
  ): Promise<Subject> {
    const target = targetOf(server.url);
    return new Subject(server, await ClosedLoop.open(target, connections, load(target)), environment);
  }

  /** Warm-up load, not measured: afterwards code is compiled and files are open. */
  async warmUp(durationMs: number): Promise<void> {
    await this.#loop.run({ durationMs });
  }

  /** Measures one slice; returns its requests per second. */
  async measure(limit: { durationMs: number; requests?: number }): Promise<number> {
    const slice = await this.#meter.during(() => this.#loop.run(limit));
    this.#requests += slice.requests;
    this.#elapsedMs += slice.elapsedMs;
    this.#cpuGeneratorMs += slice.cpuGeneratorMs;
    this.latency.add(slice.latency);
    addCounts(this.errors, slice.errors);
    return (slice.requests / slice.elapsedMs) * 1000;
  }

  close(): void {
    this.#loop.close();
  }

  stats() {
    return {
      loop: 'closed',
      requests: this.#requests,
      requestsPerS: this.#elapsedMs === 0 ? null : rounded((this.#requests / this.#elapsedMs) * 1000),
      ...this.#meter.figures(this.#elapsedMs),
      cpuGeneratorPct: percent(this.#cpuGeneratorMs, this.#elapsedMs),
      cpuGeneratorUsPerRequest:
        this.#requests === 0 ? null : rounded((this.#cpuGeneratorMs * 1000) / this.#requests, 1),
      /** What the generator alone could send with one core. */
      requestsPerGeneratorCpuS:
        this.#cpuGeneratorMs === 0 ? null : rounded((this.#requests / this.#cpuGeneratorMs) * 1000),
      rssMb: this.server.usage()?.rssMb ?? null,
    };
  }
}
