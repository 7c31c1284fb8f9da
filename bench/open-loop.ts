import { randomFrom } from '../src/lib/random.ts';
import type { Load, Slice } from './closed-loop.ts';
import type { Connection, ConnectionHandler, CutReason, Target } from './connection.ts';
import { LatencyHistogram } from './latency.ts';
import { ConnectionPool } from './pool.ts';

const RAMP_MS = 200;
/** A request without an answer for this long is given up, and so is what is still unsent this long after the end. */
const PATIENCE_MS = 10_000;
/** Due requests are sent this often, and after every answer. */
const TICK_MS = 1;

/** The measurement of one slice of an open loop. Its `latency` runs from each request's intended time. */
export interface OpenSlice extends Slice {
  /** Requests that were due. */
  readonly offered: number;
  /** From the sending of a request: what a closed loop would have told. */
  readonly rawLatency: LatencyHistogram;
  /**
   * From a request's intended time until this process noticed that it was due: the generator's own share. Waiting for a free
   * connection is not part of it, since all of them are busy because the server has not answered.
   */
  readonly lateness: LatencyHistogram;
}

/**
 * Sends requests at the times of independent buyers, whether or not the server keeps up. A request that is due while all
 * connections are busy waits, and its latency grows; a closed loop would not send it, and would measure a server's worst
 * moments least (coordinated omission).
 */
export class OpenLoop implements ConnectionHandler {
  readonly #load: Load;
  #pool!: ConnectionPool;
  /** All requests sent, over all slices, so that each one is a distinct buyer. */
  #sent = 0;
  #slices = 0;
  #inFlight = 0;
  #endMs = 0;
  #noticed = new PoissonTimes(0, Number.POSITIVE_INFINITY, 1);
  #waiting = this.#noticed;
  #now = emptyFigures();

  private constructor(load: Load) {
    this.#load = load;
  }

  static async open(target: Target, connections: number, load: Load): Promise<OpenLoop> {
    const loop = new OpenLoop(load);
    loop.#pool = await ConnectionPool.open(
      { target, size: connections, rampMs: RAMP_MS, timeoutMs: PATIENCE_MS },
      loop,
    );
    return loop;
  }

  /** Offers `ratePerS` requests per second for `durationMs`, and waits for the pending answers. */
  async run(limit: { durationMs: number; ratePerS: number }): Promise<OpenSlice> {
    this.#now = emptyFigures();
    const cpuBefore = process.cpuUsage();
    const startMs = performance.now();
    this.#endMs = startMs + limit.durationMs;
    this.#slices++;
    this.#noticed = new PoissonTimes(this.#slices, startMs, limit.ratePerS);
    this.#waiting = new PoissonTimes(this.#slices, startMs, limit.ratePerS);
    for (;;) {
      const nowMs = performance.now();
      this.#release(nowMs);
      if (nowMs >= this.#endMs && this.#inFlight === 0 && this.#waiting.nextMs >= this.#endMs) break;
      if (nowMs > this.#endMs + PATIENCE_MS) {
        this.#giveUp();
        break;
      }
      await Bun.sleep(TICK_MS);
    }
    const cpu = process.cpuUsage(cpuBefore);
    return {
      ...this.#now,
      elapsedMs: Math.max(this.#now.lastAnswerMs - startMs, limit.durationMs),
      cpuGeneratorMs: (cpu.user + cpu.system) / 1000,
    };
  }

  close(): void {
    this.#pool.close();
  }

  answered(connection: Connection): void {
    const nowMs = performance.now();
    const { response, sentAtMs, tag: intendedMs } = connection;
    if (response.status === this.#load.expectStatus) {
      this.#now.requests++;
      this.#now.latency.recordMs(nowMs - intendedMs);
      this.#now.rawLatency.recordMs(nowMs - sentAtMs);
      this.#load.onAnswer?.(sentAtMs, nowMs, response);
    } else {
      this.#countError(String(response.status));
    }
    this.#now.lastAnswerMs = nowMs;
    this.#inFlight--;
    this.#release(nowMs);
  }

  cut(connection: Connection, reason: CutReason): void {
    // An idle connection that the server closed is no loss.
    if (!connection.inFlight) return;
    this.#countError(reason);
    this.#inFlight--;
  }

  #release(nowMs: number): void {
    const dueMs = Math.min(nowMs, this.#endMs);
    while (this.#noticed.nextMs < dueMs) {
      this.#now.offered++;
      this.#now.lateness.recordMs(nowMs - this.#noticed.nextMs);
      this.#noticed.step();
    }
    while (this.#waiting.nextMs < dueMs) {
      const connection = this.#pool.take();
      if (connection === undefined) break;
      const n = this.#sent++;
      this.#inFlight++;
      connection.send(this.#load.request(n), this.#waiting.nextMs, nowMs);
      this.#waiting.step();
    }
  }

  /** The server is away, or hangs. */
  #giveUp(): void {
    for (const connection of this.#pool.busy()) connection.end('timeout');
    for (; this.#waiting.nextMs < this.#endMs; this.#waiting.step()) this.#countError('not sent');
  }

  #countError(kind: string): void {
    this.#now.errors[kind] = (this.#now.errors[kind] ?? 0) + 1;
  }
}

/**
 * The times of independent buyers, one after the other: a Poisson process. Two of the same seed pass the same times, so that
 * those between the two need not be kept, however many they are.
 */
class PoissonTimes {
  nextMs: number;
  readonly #random: () => number;
  readonly #meanGapMs: number;

  constructor(seed: number, startMs: number, ratePerS: number) {
    this.nextMs = startMs;
    this.#random = randomFrom(seed);
    this.#meanGapMs = 1000 / ratePerS;
  }

  step(): void {
    this.nextMs -= Math.log(1 - this.#random()) * this.#meanGapMs;
  }
}

function emptyFigures() {
  return {
    offered: 0,
    requests: 0,
    lastAnswerMs: 0,
    latency: new LatencyHistogram(),
    rawLatency: new LatencyHistogram(),
    lateness: new LatencyHistogram(),
    errors: {} as Record<string, number>,
  };
}
