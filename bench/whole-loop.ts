import { type Asked, readAcceptance, readOutcome } from './answers.ts';
import type { Connection, ConnectionHandler, CutReason, Target } from './connection.ts';
import { LatencyHistogram } from './latency.ts';
import { ConnectionPool } from './pool.ts';
import { ASYNC_PURCHASE, outcomeRequest, purchaseRequest } from './requests.ts';

const RAMP_MS = 200;
/** Length of a long poll for an outcome. */
const OUTCOME_WAIT_S = 10;
/** Longer than that, so that only a dead connection reaches it. */
const TIMEOUT_MS = 2 * OUTCOME_WAIT_S * 1000;

/** The measurement of one slice of whole async purchases. */
export interface WholeSlice {
  /** Purchases whose buyer has heard the outcome or, where the buyer does not ask for it, the 202. */
  readonly requests: number;
  /** From sending to the outcome. */
  readonly whole: LatencyHistogram;
  /** From sending to the 202. */
  readonly accept: LatencyHistogram;
  /** From the 202 to the outcome. */
  readonly confirm: LatencyHistogram;
  /** From the first purchase sent to the last outcome. */
  readonly elapsedMs: number;
  readonly errors: Record<string, number>;
  readonly cpuGeneratorMs: number;
}

/** A buyer between the 202 and the outcome. */
interface Accepted {
  readonly trackingId: string;
  readonly sentAtMs: number;
  readonly atMs: number;
}

/**
 * A fixed number of async buyers in a closed loop. Each sends a purchase, asks for its outcome with a long poll as soon as it is
 * accepted, and makes room for the next buyer when it is decided. With `askEvery` only each n-th buyer asks, and the others make room
 * as soon as they are accepted.
 */
export class WholeLoop implements ConnectionHandler {
  readonly #target: Target;
  readonly #asked: Asked;
  readonly #request: (buyer: number) => Uint8Array;
  readonly #askEvery: number;
  #pool!: ConnectionPool;
  /** All buyers, over all slices, so that each one is distinct. */
  #buyers = 0;
  readonly #accepted = new Map<number, Accepted>();
  readonly #toAsk: number[] = [];
  #inFlight = 0;
  #sendUntilMs = 0;
  #now = emptyFigures();
  #finished: (() => void) | null = null;

  private constructor(target: Target, asked: Asked, askEvery: number) {
    this.#target = target;
    this.#askEvery = askEvery;
    this.#asked = asked;
    this.#request = purchaseRequest(target, { ...asked, path: ASYNC_PURCHASE, seed: 1 });
  }

  static async open(target: Target, connections: number, asked: Asked, askEvery = 1): Promise<WholeLoop> {
    const loop = new WholeLoop(target, asked, askEvery);
    loop.#pool = await ConnectionPool.open(
      { target, size: connections, rampMs: RAMP_MS, timeoutMs: TIMEOUT_MS },
      loop,
    );
    return loop;
  }

  /** Lets buyers come for `durationMs`, and waits for their outcomes. */
  async run(durationMs: number): Promise<WholeSlice> {
    this.#now = emptyFigures();
    const cpuBefore = process.cpuUsage();
    const startMs = performance.now();
    this.#sendUntilMs = startMs + durationMs;
    const finished = new Promise<void>((resolve) => {
      this.#finished = resolve;
    });
    this.#sendToIdle(startMs);
    if (this.#inFlight > 0) await finished;
    const elapsedMs = performance.now() - startMs;
    const cpu = process.cpuUsage(cpuBefore);
    return { ...this.#now, elapsedMs, cpuGeneratorMs: (cpu.user + cpu.system) / 1000 };
  }

  close(): void {
    this.#pool.close();
  }

  answered(connection: Connection): void {
    const nowMs = performance.now();
    this.#inFlight--;
    const buyer = connection.tag;
    const { response } = connection;
    const raw = { status: response.status, body: response.text(), retryAfter: null };
    const accepted = this.#accepted.get(buyer);
    if (accepted === undefined) {
      const answer = readAcceptance(raw, this.#asked);
      if (answer.kind === 'accepted') {
        this.#now.accept.recordMs(nowMs - connection.sentAtMs);
        if (buyer % this.#askEvery !== 0) this.#now.requests++;
        else {
          this.#accepted.set(buyer, { trackingId: answer.id, sentAtMs: connection.sentAtMs, atMs: nowMs });
          this.#toAsk.push(buyer);
        }
      } else {
        this.#countError(`purchase: ${answer.kind}`);
      }
    } else {
      const answer = readOutcome(raw, this.#asked, accepted.trackingId);
      if (answer.kind === 'queued' && nowMs < this.#sendUntilMs + TIMEOUT_MS) {
        this.#toAsk.push(buyer);
      } else {
        this.#accepted.delete(buyer);
        if (answer.kind === 'confirmed') {
          this.#now.requests++;
          this.#now.confirm.recordMs(nowMs - accepted.atMs);
          this.#now.whole.recordMs(nowMs - accepted.sentAtMs);
        } else {
          this.#countError(`outcome: ${answer.kind}`);
        }
      }
    }
    this.#sendToIdle(nowMs);
  }

  cut(connection: Connection, reason: CutReason): void {
    if (!connection.inFlight) return;
    this.#inFlight--;
    this.#accepted.delete(connection.tag);
    this.#countError(reason);
    this.#sendToIdle(performance.now());
  }

  #sendToIdle(nowMs: number): void {
    while (this.#toAsk.length > 0 || nowMs < this.#sendUntilMs) {
      const connection = this.#pool.take();
      if (connection === undefined) break;
      const asking = this.#toAsk.shift();
      const buyer = asking ?? this.#buyers++;
      const request =
        asking === undefined
          ? this.#request(buyer)
          : outcomeRequest(this.#target, this.#accepted.get(asking)!.trackingId, OUTCOME_WAIT_S);
      this.#inFlight++;
      connection.send(request, buyer, nowMs);
    }
    if (this.#inFlight === 0) this.#end();
  }

  /** Without a connection left the accepted buyers cannot ask any more. */
  #end(): void {
    for (const buyer of this.#toAsk.splice(0)) {
      this.#accepted.delete(buyer);
      this.#countError('outcome: not asked');
    }
    this.#finished?.();
  }

  #countError(kind: string): void {
    this.#now.errors[kind] = (this.#now.errors[kind] ?? 0) + 1;
  }
}

function emptyFigures() {
  return {
    requests: 0,
    whole: new LatencyHistogram(),
    accept: new LatencyHistogram(),
    confirm: new LatencyHistogram(),
    errors: {} as Record<string, number>,
  };
}
