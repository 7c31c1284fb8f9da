import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../domain/errors.ts';
import { backoffMs } from '../../lib/backoff.ts';
import { createBatcher } from '../../lib/batch.ts';
import type { Log } from '../../lib/log.ts';
import { batchOrEach } from './batch-or-each.ts';
import { createOutage } from './outage.ts';

/**
 * How the payment company is asked, for charges and for refunds:
 *
 *   lease rows ─▶ ask for each, at once ─▶ settle the results, in batches ─▶ places for more
 *        ▲                  │ no answer
 *        └─ the lease ends ◀┘
 *
 * The rows are the truth: what a dead process leaves behind is leased again like what was not answered, and asked for with the
 * same key. A row keeps its place until its result is settled, so that results waiting for the ledger are bounded.
 */
export interface LeasedWork<Row> {
  /**
   * Waits for a free place, leases at most `wanted` rows and has them asked for, which it does not wait for. During an outage
   * it pauses first. Resolves to whether each place got its row, so that there may be more. Rejects like `lease`, and with
   * `unavailable` when `stopping` is aborted first.
   */
  begin(wanted: number, lease: (places: number) => Promise<readonly Row[]>): Promise<boolean>;
  /** Rows that are being leased, asked for or settled. */
  inFlight(): number;
  /** Resolves when no row is in flight, or at the deadline. */
  drained(): Promise<void>;
}

/** How a call of the company ended. */
export interface CallResult<Result> {
  readonly orderId: string;
  /** Whether the company answered, a refusal included: many orders without an answer are an outage. */
  readonly isAnswer: boolean;
  /** Null: there is nothing to settle. */
  readonly result: Result | null;
}

export interface LeasedWorkOptions<Row, Result> {
  /** What a row is called in logs, in the singular. */
  readonly name: string;
  readonly inFlightMax: number;
  /** Rows in flight during an outage; no more than `inFlightMax` in any case. */
  readonly probesMax: number;
  /** Never rejects. */
  readonly ask: (row: Row) => Promise<CallResult<Result>>;
  /** Tried again until it resolves; results that fail it alone, by a bug, are left to the next lease. */
  readonly settle: (results: readonly Result[]) => Promise<void>;
  readonly log: Log;
  readonly stopping: AbortSignal;
  /** Aborted when there is no time left to settle. */
  readonly deadline: AbortSignal;
}

/**
 * A transaction takes about 1.5 ms, after which waiting requests get their turn. At most 50 are made per second, whatever the
 * rate; freed units become visible this much later.
 */
const SETTLING = { itemsMax: 100, lingerMs: 20 };

/** Retry pauses while the ledger cannot write. */
const LEDGER_PAUSE_MS_FIRST = 50;
const LEDGER_PAUSE_MS_MAX = 2_000;

export function createLeasedWork<Row, Result extends { readonly orderId: string }>(
  options: LeasedWorkOptions<Row, Result>,
): LeasedWork<Row> {
  const { name, inFlightMax, ask, settle, log, stopping, deadline } = options;
  const probesMax = Math.min(options.probesMax, inFlightMax);
  const outage = createOutage();
  const results = createBatcher<Result>(SETTLING, settleAll);
  let inFlight = 0;
  let changed = Promise.withResolvers<void>();
  for (const signal of [stopping, deadline]) signal.addEventListener('abort', announceChange, { once: true });

  function announceChange(): void {
    changed.resolve();
    changed = Promise.withResolvers();
  }

  function release(places: number): void {
    inFlight -= places;
    announceChange();
  }

  async function takePlaces(wanted: number): Promise<number> {
    const free = () => (outage.isOn() ? probesMax : inFlightMax) - inFlight;
    while (free() <= 0 && !stopping.aborted) await changed.promise;
    if (stopping.aborted) throw new AppError('unavailable', 'The server is stopping.');
    const places = Math.min(wanted, free());
    inFlight += places;
    return places;
  }

  async function work(row: Row): Promise<void> {
    const { orderId, isAnswer, result } = await ask(row);
    outage.heard(orderId, isAnswer);
    if (result === null) release(1);
    else results.add([result]);
  }

  async function settleAll(some: readonly Result[]): Promise<void> {
    for (let failures = 1; !deadline.aborted; failures++) {
      try {
        await batchOrEach(some, settle, reportBad);
        break;
      } catch (error) {
        log.warn({ err: error }, `${some.length} ${name}s not recorded yet`);
        await pause(backoffMs(failures, LEDGER_PAUSE_MS_FIRST, LEDGER_PAUSE_MS_MAX), deadline);
      }
    }
    release(some.length);
  }

  function reportBad({ orderId }: Result, error: unknown): void {
    log.warn({ err: error }, `${name} of order ${orderId} not recorded`);
  }

  return {
    async begin(wanted, lease) {
      if (outage.isOn()) await pause(outage.nextPauseMs(), stopping);
      const places = await takePlaces(wanted);
      let rows: readonly Row[] = [];
      try {
        rows = await lease(places);
      } finally {
        release(places - rows.length);
      }
      for (const row of rows) void work(row);
      return rows.length === places;
    },

    inFlight: () => inFlight,

    async drained() {
      while (inFlight > 0 && !deadline.aborted) await changed.promise;
    },
  };
}

async function pause(pauseMs: number, signal: AbortSignal): Promise<void> {
  await sleep(pauseMs, undefined, { signal }).catch(() => {});
}
