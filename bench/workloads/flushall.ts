import { Redis } from 'ioredis';
import type { Environment } from '../environment.ts';
import { resetStock } from '../server-api.ts';
import type { ServerProcess } from '../server-process.ts';
import { COMPARED, PLENTY, PRODUCT_ID, WARM_UP_MS } from './comparison.ts';
import { type Effort, median, NOTHING, rounded, sumCounts, type WorkloadResult } from './result.ts';
import { ORDERS_OF_A_LONG_SALE, seedEnvironment } from './seeded.ts';
import { Subject } from './subject.ts';

/** A repetition is short, so that it begins with as few units as a real sale and ends before they are sold. */
const UNITS = 10_000;
const BEFORE_MS = 150;
const AFTER_MS = 150;

/** The gate loses its data during a sale: how long until the next purchase succeeds? */
export async function runFlushAll(
  effort: Effort,
  environment: Environment,
  orders = ORDERS_OF_A_LONG_SALE,
): Promise<WorkloadResult> {
  const { redisUrl } = await seedEnvironment(environment, orders);
  const redis = new Redis(redisUrl);
  let server: ServerProcess | undefined;
  try {
    const { env, load } = COMPARED['sync-win'];
    server = await environment.startServer(env);
    await resetStock(server.url, PRODUCT_ID, PLENTY);
    let heard: Answered[] = [];
    const onAnswer = (sentAtMs: number, answeredAtMs: number) => heard.push({ sentAtMs, answeredAtMs });
    const subject = await Subject.open(server, (target) => ({ ...load(target), onAnswer }), environment);
    await subject.warmUp(WARM_UP_MS);
    const flushes: Flush[] = [];
    for (let round = 0; round < effort.rounds; round++) {
      await resetStock(server.url, PRODUCT_ID, UNITS);
      heard = [];
      const buying = subject.measure({ durationMs: BEFORE_MS + AFTER_MS });
      await Bun.sleep(BEFORE_MS);
      const askedAtMs = performance.now();
      await redis.flushall();
      const doneAtMs = performance.now();
      await redis.config('RESETSTAT');
      await buying;
      if ((await scriptCalls(redis)) === 0) throw new Error('the gate was not called after FLUSHALL');
      flushes.push(judgeFlush(heard, askedAtMs, doneAtMs));
    }
    subject.close();
    const againMs = flushes.map((flush) => flush.againMs);
    const gapMs = Math.max(...flushes.map((flush) => flush.gapMs));
    return {
      ...NOTHING,
      ...subject.stats(),
      workload: 'flushall',
      p50Ms: subject.latency.percentileMs(50),
      p99Ms: subject.latency.percentileMs(99),
      errors: sumCounts(subject.errors),
      errorsByKind: subject.errors,
      finding:
        `claims again ${median(againMs)} ms after FLUSHALL (at most ${Math.max(...againMs)}), ` +
        `never more than ${gapMs} ms between two sales, with ${orders.toLocaleString('en-US')} orders`,
      orders,
      claimsAgainMs: median(againMs),
      claimsAgainMsMax: Math.max(...againMs),
      gapMsMax: gapMs,
      flushes,
    };
  } finally {
    redis.disconnect();
    await server?.stop();
  }
}

/** Script calls since the last RESETSTAT; only the gate makes any. */
async function scriptCalls(redis: Redis): Promise<number> {
  const stats = (await redis.info('commandstats')).matchAll(/^cmdstat_eval(?:sha)?:calls=(\d+)/gm);
  return [...stats].reduce((sum, [, calls]) => sum + Number(calls), 0);
}

/** A successful purchase. */
interface Answered {
  readonly sentAtMs: number;
  readonly answeredAtMs: number;
}

interface Flush {
  /** From the call of FLUSHALL to the first sale whose request was sent after it. */
  readonly againMs: number;
  /** Longest time without a sale from then on. */
  readonly gapMs: number;
  /** The same before FLUSHALL. */
  readonly gapBeforeMs: number;
  /** Longest response time of the requests in flight at FLUSHALL or later. */
  readonly slowestMs: number;
}

/** `heard` in the order of the answers. */
export function judgeFlush(heard: readonly Answered[], askedAtMs: number, doneAtMs: number): Flush {
  const again = heard.find(({ sentAtMs }) => sentAtMs >= doneAtMs);
  if (!again) throw new Error('no purchase succeeded after FLUSHALL');
  const last = heard.findLastIndex(({ answeredAtMs }) => answeredAtMs < askedAtMs);
  // The last sale before belongs to both, so that the gap around FLUSHALL itself counts.
  const before = heard.slice(0, last + 1);
  const after = heard.slice(Math.max(0, last));
  return {
    againMs: rounded(again.answeredAtMs - askedAtMs, 1),
    gapMs: longestGapMs(after),
    gapBeforeMs: longestGapMs(before),
    slowestMs: rounded(Math.max(...after.slice(1).map((one) => one.answeredAtMs - one.sentAtMs)), 1),
  };
}

function longestGapMs(heard: readonly Answered[]): number {
  let longest = 0;
  for (let i = 1; i < heard.length; i++) {
    longest = Math.max(longest, heard[i]!.answeredAtMs - heard[i - 1]!.answeredAtMs);
  }
  return rounded(longest, 1);
}
