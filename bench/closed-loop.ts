import type { Connection, ConnectionHandler, CutReason, Target } from './connection.ts';
import { LatencyHistogram } from './latency.ts';
import { ConnectionPool } from './pool.ts';
import type { ResponseReader } from './response.ts';

/** Opening 256 connections over this time keeps each step within a server's listen backlog. */
const RAMP_MS = 200;
/** No request of a closed loop takes this long on a working server. */
const TIMEOUT_MS = 10_000;

/** The repeated request of every connection of a loop. */
export interface Load {
  /** The bytes of the n-th request; valid until the next call. */
  readonly request: (n: number) => Uint8Array;
  /** Any other status is an error. */
  readonly expectStatus: number;
  /** Called for every request that was answered as expected. */
  readonly onAnswer?: (sentAtMs: number, answeredAtMs: number, response: ResponseReader) => void;
}

/** The measurement of one slice of load. */
export interface Slice {
  /** Answered with the expected status. */
  readonly requests: number;
  /** From the first request sent to the last one answered. */
  readonly elapsedMs: number;
  readonly latency: LatencyHistogram;
  /** Other requests, counted by status or by the reason of the cut. */
  readonly errors: Record<string, number>;
  readonly cpuGeneratorMs: number;
}

/**
 * Keeps a fixed number of connections busy against one server, each with its next request as soon as its last was
 * answered: this measures the most a server can do, not what a buyer feels (for that, see open-loop.ts and crowd.ts).
 */
export class ClosedLoop implements ConnectionHandler {
  readonly #load: Load;
  #pool!: ConnectionPool;
  /** All requests sent, over all slices, so that each one is a distinct buyer. */
  #sent = 0;

  #inFlight = 0;
  #sendUntilMs = 0;
  #sendUntilCount = Number.POSITIVE_INFINITY;
  #requests = 0;
  #latency = new LatencyHistogram();
  #errors: Record<string, number> = {};
  #finished: (() => void) | null = null;

  private constructor(load: Load) {
    this.#load = load;
  }

  static async open(target: Target, connections: number, load: Load): Promise<ClosedLoop> {
    const loop = new ClosedLoop(load);
    loop.#pool = await ConnectionPool.open(
      { target, size: connections, rampMs: RAMP_MS, timeoutMs: TIMEOUT_MS },
      loop,
    );
    return loop;
  }

  /** Loads the server for `durationMs`, or until `requests` were sent, and waits for the pending answers. */
  async run(limit: { durationMs: number; requests?: number }): Promise<Slice> {
    this.#requests = 0;
    this.#latency = new LatencyHistogram();
    this.#errors = {};
    const cpuBefore = process.cpuUsage();
    const startMs = performance.now();
    this.#sendUntilMs = startMs + limit.durationMs;
    this.#sendUntilCount = this.#sent + (limit.requests ?? Number.POSITIVE_INFINITY);
    const finished = new Promise<void>((resolve) => {
      this.#finished = resolve;
    });
    this.#sendToIdle(startMs);
    if (this.#inFlight > 0) await finished;
    const elapsedMs = performance.now() - startMs;
    const cpu = process.cpuUsage(cpuBefore);
    return {
      requests: this.#requests,
      elapsedMs,
      latency: this.#latency,
      errors: this.#errors,
      cpuGeneratorMs: (cpu.user + cpu.system) / 1000,
    };
  }

  close(): void {
    this.#pool.close();
  }

  answered(connection: Connection): void {
    const nowMs = performance.now();
    const { status } = connection.response;
    if (status === this.#load.expectStatus) {
      this.#requests++;
      this.#latency.recordMs(nowMs - connection.sentAtMs);
      this.#load.onAnswer?.(connection.sentAtMs, nowMs, connection.response);
    } else {
      this.#countError(String(status));
    }
    this.#inFlight--;
    this.#sendToIdle(nowMs);
  }

  cut(connection: Connection, reason: CutReason): void {
    if (!connection.inFlight) return;
    this.#countError(reason);
    this.#inFlight--;
    this.#sendToIdle(performance.now());
  }

  #sendToIdle(nowMs: number): void {
    while (nowMs < this.#sendUntilMs && this.#sent < this.#sendUntilCount) {
      const connection = this.#pool.take();
      if (connection === undefined) break;
      const n = this.#sent++;
      this.#inFlight++;
      connection.send(this.#load.request(n), n, nowMs);
    }
    if (this.#inFlight === 0) this.#finished?.();
  }

  #countError(kind: string): void {
    this.#errors[kind] = (this.#errors[kind] ?? 0) + 1;
  }
}
