import {
  type Answer,
  type Asked,
  type RawAnswer,
  readAcceptance,
  readOutcome,
  readSyncAnswer,
} from './answers.ts';
import { type Mode, planArrivals } from './arrivals.ts';
import type { Connection } from './connection.ts';
import { type BuyerResult, CrowdRecord } from './crowd-record.ts';
import { Fifo } from './fifo.ts';
import { LatencyHistogram } from './latency.ts';
import { ConnectionPool } from './pool.ts';
import { type OpenProfile, openProfile } from './profiles.ts';
import { ASYNC_PURCHASE, outcomeRequest, purchaseRequest, SYNC_PURCHASE, targetOf } from './requests.ts';

/**
 * Connections for purchases: enough that none waits for a server that answers 25,000/s in 20 ms, and few enough to open in
 * half a second.
 */
const BUYING_CONNECTIONS = 512;
/** Connections for outcomes, separate because a long poll occupies one for its whole wait. */
const ASKING_CONNECTIONS = 512;
const RAMP_MS = 400;
/** Faster than this, a server's listen backlog would overflow. */
const OPENED_PER_MS = 5;
/** Length of a long poll for an outcome. */
const OUTCOME_WAIT_S = 10;
/** Somebody who stops a crowd does not want to wait. */
const CALLED_BACK_PATIENCE_MS = 2_000;
/** Longer than the longest requested wait, so that only a dead connection reaches it. */
const TIMEOUT_MS = 2 * OUTCOME_WAIT_S * 1000;
/** Pause before another poll for an outcome: only after a long poll ended without one, or was cut. */
const ASK_AGAIN_MS = 50;
/** Retries of a buyer who was refused as overloaded. */
const RETRIES_MAX = 5;
/** Due arrivals are sent this often, and after every answer. */
const TICK_MS = 1;
const PROGRESS_EVERY_MS = 250;

export interface CrowdOptions {
  readonly url: string;
  readonly productId: number;
  readonly quantity: number;
  readonly users: number;
  readonly ratePerS: number;
  readonly mode: Mode;
  readonly seed: number;
  /** Who comes when; evenly by default. */
  readonly profile?: OpenProfile;
  /** Sent with each request, for a server that limits what comes from one address. */
  readonly operatorToken?: string | null;
  /** Buyers who send their purchase twice whatever the profile says: the first ones. */
  readonly firstRepeaters?: number;
  /** Open connections for purchases. */
  readonly connections?: number;
  /** How long after the last arrival the crowd waits for pending answers; a function is called repeatedly. */
  readonly patienceMs: number | (() => number);
  readonly onProgress?: (progress: CrowdProgress) => void;
  /** Interval of the calls; 0: after every event. */
  readonly progressEveryMs?: number;
  /** Stops the crowd: no more arrivals, and the record ends with the last one. */
  readonly signal?: AbortSignal;
  /** How long a stopped crowd waits for pending answers. */
  readonly stoppedPatienceMs?: number;
}

/** Counts since the first arrival. */
export interface CrowdProgress {
  readonly elapsedMs: number;
  /** Buyers who have arrived and sent their purchase. */
  readonly offered: number;
  /** Buyers who know their outcome. */
  readonly answered: number;
  readonly sold: number;
  readonly refused: number;
  /** Latencies of the purchases' own answers (for async: of the 202), from intended start. */
  readonly p99Ms: number | null;
  /** Accepted purchases without an outcome yet. */
  readonly backlog: number;
}

/** All latencies run from a buyer's intended start, so time spent waiting for a free connection counts. */
export interface CrowdResult {
  readonly record: CrowdRecord;
  readonly sync: LatencyHistogram;
  readonly accept: LatencyHistogram;
  readonly confirm: LatencyHistogram;
  /** From intended start until this process noticed it: the generator's own share. */
  readonly lateness: LatencyHistogram;
  /** From the first arrival to the last outcome. */
  readonly elapsedMs: number;
  readonly retries: number;
  readonly cuts: number;
  readonly repeats: RepeatCounts;
  readonly times: CrowdTimes;
  /** The first arrival's moment, on the clock of `performance.now()`. */
  readonly startedAtMs: number;
  readonly cpuGeneratorMs: number;
}

/** Purchases that were sent a second time under their key. */
export interface RepeatCounts {
  /** Both answers were grants or acceptances, to be compared. */
  readonly compared: number;
  /** Those of them that named another purchase. */
  readonly different: number;
}

/** By buyer, in ms after the crowd's start; NaN: never. */
export interface CrowdTimes {
  readonly intendedMs: Float64Array;
  readonly sentMs: Float64Array;
  /** The purchase's own answer; for async the 202. */
  readonly answeredMs: Float64Array;
  /** The async outcome; for sync the answer. */
  readonly decidedMs: Float64Array;
}

/**
 * Sends a crowd of distinct buyers to a server, each at its own time whether or not the server keeps up (open loop), and
 * records each buyer's answers.
 */
export async function runCrowd(options: CrowdOptions): Promise<CrowdResult> {
  const crowd = new Crowd(options);
  await crowd.connect();
  try {
    return await crowd.run();
  } finally {
    crowd.close();
  }
}

class Crowd {
  readonly #options: CrowdOptions;
  readonly #target;
  readonly #asked: Asked;
  readonly #atMs: Float64Array;
  readonly #isAsync: Uint8Array;
  readonly #record: CrowdRecord;
  readonly #sync = new LatencyHistogram();
  readonly #accept = new LatencyHistogram();
  readonly #confirm = new LatencyHistogram();
  readonly #lateness = new LatencyHistogram();
  readonly #syncRequest: (buyer: number) => Uint8Array;
  readonly #asyncRequest: (buyer: number) => Uint8Array;
  readonly #keyedSyncRequest: (buyer: number) => Uint8Array;
  readonly #keyedAsyncRequest: (buyer: number) => Uint8Array;
  readonly #repeats: Uint8Array;
  readonly #repeatAfterMs: number;
  readonly #times: Record<keyof CrowdTimes, Float64Array>;

  #buying!: ConnectionPool;
  #asking!: ConnectionPool;
  /** The next buyer to arrive; all before have sent their purchase. */
  #next = 0;
  /** The first buyer whose time has not been seen to come. */
  #unnoticed = 0;
  readonly #comingAgain = new Fifo();
  /** Buyers who send their purchase a second time, and such times that were turned away. */
  readonly #toRepeat = new Fifo();
  readonly #toRepeatLater = new Fifo();
  /** Second times that are still to be sent or answered. */
  #repeatsOpen = 0;
  #repeatsCompared = 0;
  #repeatsDifferent = 0;
  /** What the second time was granted, where the first is not answered yet. */
  readonly #grantedToRepeat = new Map<number, Extract<Answer, { kind: 'sold' | 'accepted' }>>();
  readonly #toAsk = new Fifo();
  /** Refused as overloaded. A separate line, because its waits are longer than those in the other. */
  readonly #toAskLater = new Fifo();
  readonly #retriesOf = new Map<number, number>();
  #startMs = 0;
  #lastOutcomeMs = 0;
  /** The number of buyers; fewer than planned once the crowd is stopped. */
  #users: number;
  #undecided: number;
  #calledBack = false;
  #retries = 0;
  #cuts = 0;

  constructor(options: CrowdOptions) {
    this.#options = options;
    this.#target = targetOf(options.url);
    this.#asked = { productId: options.productId, quantity: options.quantity };
    const arrivals = planArrivals(options);
    this.#atMs = arrivals.atMs;
    this.#isAsync = arrivals.isAsync;
    this.#repeats = arrivals.repeats;
    this.#repeatAfterMs = (options.profile ?? openProfile('constant')).repeats.afterMs;
    this.#record = new CrowdRecord(arrivals.isAsync);
    this.#users = options.users;
    this.#undecided = options.users;
    const never = () => new Float64Array(options.users).fill(Number.NaN);
    this.#times = { intendedMs: this.#atMs, sentMs: never(), answeredMs: never(), decidedMs: never() };
    const { seed, operatorToken = null } = options;
    const purchase = { ...this.#asked, seed, operatorToken };
    this.#syncRequest = purchaseRequest(this.#target, { ...purchase, path: SYNC_PURCHASE });
    this.#asyncRequest = purchaseRequest(this.#target, { ...purchase, path: ASYNC_PURCHASE });
    // Other keys in each crowd: the same seed twice at one server is two sales.
    const keyed = { ...purchase, keyPrefix: crypto.randomUUID() };
    this.#keyedSyncRequest = purchaseRequest(this.#target, { ...keyed, path: SYNC_PURCHASE });
    this.#keyedAsyncRequest = purchaseRequest(this.#target, { ...keyed, path: ASYNC_PURCHASE });
  }

  async connect(): Promise<void> {
    const { connections: buying = BUYING_CONNECTIONS } = this.#options;
    const pool = { target: this.#target, rampMs: RAMP_MS, timeoutMs: TIMEOUT_MS };
    const asking = this.#options.mode === 'sync' ? 0 : ASKING_CONNECTIONS;
    [this.#buying, this.#asking] = await Promise.all([
      ConnectionPool.open(
        { ...pool, size: buying, rampMs: Math.max(RAMP_MS, buying / OPENED_PER_MS) },
        {
          answered: (connection) => this.#purchaseAnswered(connection),
          cut: (connection) => this.#purchaseCut(connection),
        },
      ),
      ConnectionPool.open(
        { ...pool, size: asking },
        {
          answered: (connection) => this.#outcomeAnswered(connection),
          cut: (connection) => this.#outcomeCut(connection),
        },
      ),
    ]);
  }

  async run(): Promise<CrowdResult> {
    const cpuBefore = process.cpuUsage();
    this.#startMs = performance.now();
    this.#lastOutcomeMs = this.#startMs;
    const lastArrivalMs = this.#startMs + (this.#atMs.at(-1) ?? 0);
    const { patienceMs } = this.#options;
    const patience = typeof patienceMs === 'number' ? () => patienceMs : patienceMs;
    let calledBackUntilMs = Number.POSITIVE_INFINITY;
    const { progressEveryMs = PROGRESS_EVERY_MS } = this.#options;
    let progressMs = this.#startMs;
    for (;;) {
      const nowMs = performance.now();
      if (this.#options.signal?.aborted && !this.#calledBack) {
        this.#callBack();
        calledBackUntilMs = nowMs + (this.#options.stoppedPatienceMs ?? CALLED_BACK_PATIENCE_MS);
      }
      this.#release(nowMs);
      const deadlineMs = Math.min(lastArrivalMs + patience(), calledBackUntilMs);
      if ((this.#undecided === 0 && this.#repeatsOpen === 0) || nowMs > deadlineMs) break;
      if (nowMs >= progressMs) {
        this.#options.onProgress?.(this.#progress(nowMs));
        progressMs = nowMs + progressEveryMs;
      }
      await Bun.sleep(TICK_MS);
    }
    // Sent and never answered: the server may have carried it out nevertheless.
    for (const { tag } of this.#buying.busy()) {
      if (tag >= 0) this.#decide(tag, { kind: 'unknown', id: null }, this.#lastOutcomeMs);
    }
    const cpu = process.cpuUsage(cpuBefore);
    return {
      record: this.#record,
      sync: this.#sync,
      accept: this.#accept,
      confirm: this.#confirm,
      lateness: this.#lateness,
      elapsedMs: this.#lastOutcomeMs - this.#startMs,
      retries: this.#retries,
      cuts: this.#cuts,
      repeats: { compared: this.#repeatsCompared, different: this.#repeatsDifferent },
      times: this.#times,
      startedAtMs: this.#startMs,
      cpuGeneratorMs: (cpu.user + cpu.system) / 1000,
    };
  }

  close(): void {
    this.#buying.close();
    this.#asking.close();
  }

  /** Sends due requests while connections are free; the rest waits, and its latency grows. */
  #release(nowMs: number): void {
    while (this.#unnoticed < this.#users && this.#intendedMs(this.#unnoticed) <= nowMs) {
      this.#lateness.recordMs(nowMs - this.#intendedMs(this.#unnoticed++));
    }
    while (this.#comingAgain.isDue(nowMs)) {
      const connection = this.#buying.take();
      if (connection === undefined) break;
      this.#buy(connection, this.#comingAgain.shift(), nowMs);
    }
    for (const line of [this.#toRepeat, this.#toRepeatLater]) {
      while (line.isDue(nowMs)) {
        const connection = this.#buying.take();
        if (connection === undefined) break;
        const buyer = line.shift();
        const request = this.#isAsync[buyer] === 1 ? this.#keyedAsyncRequest : this.#keyedSyncRequest;
        connection.send(request(buyer), asRepeat(buyer), nowMs);
      }
    }
    while (this.#next < this.#users && this.#intendedMs(this.#next) <= nowMs) {
      const connection = this.#buying.take();
      if (connection === undefined) break;
      const buyer = this.#next++;
      this.#times.sentMs[buyer] = nowMs - this.#startMs;
      this.#buy(connection, buyer, nowMs);
      if (this.#repeats[buyer] === 1) {
        this.#repeatsOpen++;
        this.#toRepeat.push(buyer, nowMs + this.#repeatAfterMs);
      }
    }
    for (const line of [this.#toAsk, this.#toAskLater]) {
      while (line.isDue(nowMs)) {
        const connection = this.#asking.take();
        if (connection === undefined) break;
        const buyer = line.shift();
        const { operatorToken = null } = this.#options;
        const id = this.#record.id(buyer)!;
        connection.send(outcomeRequest(this.#target, id, OUTCOME_WAIT_S, operatorToken), buyer, nowMs);
      }
    }
  }

  #buy(connection: Connection, buyer: number, nowMs: number): void {
    const isAsync = this.#isAsync[buyer] === 1;
    const isKeyed = this.#repeats[buyer] === 1;
    const request = isKeyed
      ? isAsync
        ? this.#keyedAsyncRequest
        : this.#keyedSyncRequest
      : isAsync
        ? this.#asyncRequest
        : this.#syncRequest;
    connection.send(request(buyer), buyer, nowMs);
  }

  #purchaseAnswered(connection: Connection): void {
    const nowMs = performance.now();
    const isRepeat = connection.tag < 0;
    const buyer = isRepeat ? asRepeat(connection.tag) : connection.tag;
    const isAsync = this.#isAsync[buyer] === 1;
    const raw = rawAnswer(connection);
    const answer = isAsync ? readAcceptance(raw, this.#asked) : readSyncAnswer(raw, this.#asked);
    if (isRepeat) this.#repeatAnswered(buyer, answer, nowMs);
    else if (answer.kind === 'overloaded' && this.#mayComeAgain(buyer)) {
      this.#comingAgain.push(buyer, nowMs + answer.retryAfterMs);
    } else {
      (isAsync ? this.#accept : this.#sync).recordMs(nowMs - this.#intendedMs(buyer));
      this.#times.answeredMs[buyer] = nowMs - this.#startMs;
      if (answer.kind === 'accepted') {
        this.#record.set(buyer, 'accepted', answer);
        this.#toAsk.push(buyer, nowMs);
      } else {
        this.#decide(buyer, answer, nowMs);
      }
      this.#settleRepeat(buyer, nowMs);
    }
    this.#release(nowMs);
  }

  /** A second time under the same key gets the first one's purchase. A refusal binds no key, so it may be followed by a grant. */
  #repeatAnswered(buyer: number, answer: Answer, nowMs: number): void {
    if (answer.kind === 'overloaded' && this.#mayComeAgain(buyer)) {
      this.#toRepeatLater.push(buyer, nowMs + answer.retryAfterMs);
      return;
    }
    this.#repeatsOpen--;
    if (answer.kind === 'wrong') this.#record.sample(answer.why);
    if (answer.kind !== 'sold' && answer.kind !== 'accepted') return;
    this.#grantedToRepeat.set(buyer, answer);
    this.#settleRepeat(buyer, nowMs);
  }

  /** Once both times are answered: they name one purchase, or the second one alone was granted. */
  #settleRepeat(buyer: number, nowMs: number): void {
    const granted = this.#grantedToRepeat.get(buyer);
    if (granted === undefined || this.#record.result(buyer) === 'none') return;
    this.#grantedToRepeat.delete(buyer);
    const first = this.#record.id(buyer);
    if (first !== undefined) {
      this.#repeatsCompared++;
      if (granted.id !== first) this.#repeatsDifferent++;
      return;
    }
    this.#record.set(buyer, granted.kind, granted);
    if (granted.kind === 'sold') return;
    this.#undecided++;
    this.#toAsk.push(buyer, nowMs);
  }

  /** The request may have arrived and may have been carried out: the buyer does not know, and must not repeat it. */
  #purchaseCut(connection: Connection): void {
    this.#cuts++;
    if (!connection.inFlight) return;
    if (connection.tag < 0) {
      this.#repeatsOpen--;
      return;
    }
    this.#decide(connection.tag, { kind: 'unknown', id: null }, performance.now());
  }

  #outcomeAnswered(connection: Connection): void {
    const nowMs = performance.now();
    const buyer = connection.tag;
    const answer = readOutcome(rawAnswer(connection), this.#asked, this.#record.id(buyer)!);
    if (answer.kind === 'overloaded') {
      this.#toAskLater.push(buyer, nowMs + answer.retryAfterMs);
    } else if (answer.kind === 'queued' || answer.kind === 'unknown') {
      this.#toAsk.push(buyer, nowMs + ASK_AGAIN_MS);
    } else {
      this.#confirm.recordMs(nowMs - this.#intendedMs(buyer));
      this.#decide(buyer, answer, nowMs);
    }
    this.#release(nowMs);
  }

  #outcomeCut(connection: Connection): void {
    this.#cuts++;
    if (connection.inFlight) this.#toAsk.push(connection.tag, performance.now() + ASK_AGAIN_MS);
  }

  #decide(buyer: number, answer: Answer, nowMs: number): void {
    if (answer.kind === 'wrong') this.#record.sample(answer.why);
    this.#record.set(buyer, resultOf(answer), answer);
    this.#times.decidedMs[buyer] = nowMs - this.#startMs;
    this.#undecided--;
    this.#lastOutcomeMs = nowMs;
  }

  #callBack(): void {
    this.#calledBack = true;
    this.#undecided -= this.#users - this.#next;
    this.#users = this.#next;
    this.#record.endAfter(this.#next);
  }

  #mayComeAgain(buyer: number): boolean {
    const retries = this.#retriesOf.get(buyer) ?? 0;
    if (retries >= RETRIES_MAX) return false;
    this.#retriesOf.set(buyer, retries + 1);
    this.#retries++;
    return true;
  }

  #intendedMs(buyer: number): number {
    return this.#startMs + this.#atMs[buyer]!;
  }

  #progress(nowMs: number): CrowdProgress {
    const record = this.#record;
    const first = new LatencyHistogram();
    first.add(this.#sync);
    first.add(this.#accept);
    return {
      elapsedMs: nowMs - this.#startMs,
      offered: this.#next,
      answered: this.#users - this.#undecided,
      sold: record.count('sold', 'confirmed'),
      refused: record.count('refused', 'rejected'),
      p99Ms: first.percentileMs(99),
      backlog: record.count('accepted'),
    };
  }
}

/** Only for a buyer's final answer; not for `accepted` and `queued`. */
function resultOf(answer: Answer): BuyerResult {
  return answer.kind === 'queued' ? 'accepted' : answer.kind;
}

/** The tag of a request that is sent for the second time, and from it the buyer. */
function asRepeat(buyerOrTag: number): number {
  return -1 - buyerOrTag;
}

function rawAnswer(connection: Connection): RawAnswer {
  const { response } = connection;
  const { status } = response;
  const retryAfter =
    status === 503 || status === 429 || status === 409 ? response.header('retry-after') : null;
  return { status, body: response.text(), retryAfter };
}
