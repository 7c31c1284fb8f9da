import { type Api, ApiError } from '../src/cli/api.ts';
import { AppError } from '../src/domain/errors.ts';
import type { Verdict } from '../src/domain/verdict.ts';
import type { Mode } from './arrivals.ts';
import { type Arrived, arrivalsOf } from './arrived.ts';
import { type CrowdProgress, type CrowdResult, runCrowd } from './crowd.ts';
import { type OpenProfile, openProfile } from './profiles.ts';
import { between, latencyOverTime, percentilesOf } from './report/percentiles.ts';
import type { LatencyMoment, Percentiles } from './report/report-data.ts';
import { watchServer } from './server-watch.ts';
import { count, plural } from './text.ts';
import {
  answersWithinContract,
  everybodyAnswered,
  examples,
  idsAreDistinct,
  repetitionsAlike,
} from './verdicts.ts';
import { openViewersBeside } from './viewers.ts';

const QUANTITY = 1;
/** Buyers who send every purchase twice, whatever the profile: enough to meet several instances. */
const FIRST_REPEATERS = 10;
/** After the last arrival, for outcomes that queue up behind the crowd. */
const PATIENCE_MS = 30_000;
/** Orders read concurrently after the crowd. */
const LOOKUPS_AT_ONCE = 64;
/** Orders that are read afterwards; a rush that sold more is judged by the first ones, and reports that. */
const LOOKUPS_MAX = 50_000;

export interface RushOptions {
  readonly productId: number;
  /** Free units to begin with; null leaves the stock as it is. */
  readonly units: number | null;
  readonly users: number;
  /** Buyers per second, on average. */
  readonly rate: number;
  readonly profile?: OpenProfile;
  readonly mode: Mode;
  readonly seed: number;
  /** For the crowd's own requests, where the server limits what comes from one address; by default the calls' own. */
  readonly operatorToken?: string | null;
}

/** Null: unknown, because a call failed. */
export type RushVerdict = Omit<Verdict, 'pass'> & { readonly pass: boolean | null };

export interface RushResult {
  readonly url: string;
  readonly seed: number;
  readonly productId: number;
  /** Buyers who arrived; fewer than planned when the crowd was stopped. */
  readonly users: number;
  readonly calledBack: boolean;
  /** The crowd was also stopped because the server stopped answering. */
  readonly serverGone: boolean;
  /** Free units before and after, as reported by the server; null when it stopped answering. */
  readonly stock: { readonly before: number; readonly after: number | null };
  readonly granted: number;
  /** Buyers whose purchase was granted or accepted twice under one key. */
  readonly repeated: number;
  readonly viewers: number;
  readonly refused: number;
  /** By the server's code. */
  readonly refusals: Readonly<Record<string, number>>;
  readonly errors: number;
  /** From the first buyer to the last one: as the crowd was planned, and as it came. */
  readonly arrivals: Arrived;
  /** From the first arrival to the last outcome. */
  readonly elapsedMs: number;
  readonly sync: { p50Ms: number | null; p95Ms: number | null; p99Ms: number | null };
  readonly async: { acceptP99Ms: number | null; confirmP99Ms: number | null };
  /** Until the purchase's own answer, and for async also until the outcome, from the intended start. */
  readonly latency: Readonly<Record<'sync' | 'accept' | 'confirm', Percentiles>>;
  readonly latencyOverTime: Readonly<Record<'sync' | 'async', readonly LatencyMoment[]>>;
  readonly verdicts: readonly RushVerdict[];
}

/** Sends the crowd to a running server, and judges by what clients can see: answers, orders, the stock. */
export async function holdRush(
  options: RushOptions,
  api: Api,
  signal: AbortSignal,
  onProgress?: (progress: CrowdProgress) => void,
): Promise<RushResult> {
  const { productId, units, users, rate, profile = openProfile('constant'), mode, seed } = options;
  const { operatorToken = api.operatorToken } = options;
  if (units !== null) await api.send('PUT', `/api/v1/sync/stock/${productId}/reset?stock=${units}`);
  const before = await readStock(api, productId);
  const sale = { url: api.url, productId, quantity: QUANTITY, seed };
  const viewers = await openViewersBeside(profile, users, api.url, productId, operatorToken);
  const watched = viewers.open();
  const watch = watchServer(api.url);
  const crowd = await runCrowd({
    ...sale,
    users,
    ratePerS: rate,
    profile,
    firstRepeaters: FIRST_REPEATERS,
    mode,
    operatorToken,
    patienceMs: PATIENCE_MS,
    signal: AbortSignal.any([signal, watch.gone]),
    ...(onProgress && { onProgress }),
  }).finally(() => {
    watch.stop();
    viewers.close();
  });
  const orders = await lookUp(api, productId, crowd);
  const after = await readStock(api, productId).catch(() => null);
  const product = await readUnits(api, productId);
  const { record, sync, accept, confirm } = crowd;
  return {
    url: api.url,
    seed,
    productId,
    users: record.users,
    calledBack: signal.aborted,
    serverGone: watch.gone.aborted,
    stock: { before, after },
    granted: record.count('sold', 'confirmed'),
    repeated: crowd.repeats.compared,
    viewers: watched,
    refused: record.count('refused', 'rejected'),
    refusals: refusalsOf(record),
    errors: record.count('none', 'accepted', 'unknown', 'wrong', 'overloaded', 'failed'),
    arrivals: arrivalsOf(crowd),
    elapsedMs: Math.round(crowd.elapsedMs),
    sync: { p50Ms: sync.percentileMs(50), p95Ms: sync.percentileMs(95), p99Ms: sync.percentileMs(99) },
    async: { acceptP99Ms: accept.percentileMs(99), confirmP99Ms: confirm.percentileMs(99) },
    ...latencyOf(crowd),
    verdicts: [
      soldWithinOffer(product, orders, units),
      everyGrantReadable(orders),
      everyTrackingIdEnds(crowd, product !== 'not asked'),
      repetitionsAlike(crowd),
      idsAreDistinct(crowd),
      everybodyAnswered(crowd),
      answersWithinContract(crowd),
    ],
  };
}

function refusalsOf(record: CrowdResult['record']): Record<string, number> {
  const refusals: Record<string, number> = {};
  for (let buyer = 0; buyer < record.users; buyer++) {
    const result = record.result(buyer);
    if (result !== 'refused' && result !== 'rejected') continue;
    const code = record.code(buyer);
    refusals[code] = (refusals[code] ?? 0) + 1;
  }
  return refusals;
}

/** So many moments make a line. */
const MOMENTS_MAX = 60;
const MOMENT_MS_MIN = 250;

function latencyOf({ record, times }: CrowdResult): Pick<RushResult, 'latency' | 'latencyOverTime'> {
  const users = record.users;
  const intendedMs = times.intendedMs.subarray(0, users);
  const of = (toMs: Float64Array, isAsync: number) =>
    between(intendedMs, toMs.subarray(0, users)).map((ms, buyer) =>
      record.isAsync[buyer] === isAsync ? ms : Number.NaN,
    );
  const sync = of(times.answeredMs, 0);
  const accept = of(times.answeredMs, 1);
  const confirm = of(times.decidedMs, 1);
  const lengthMs = intendedMs.at(-1) ?? 0;
  const sliceMs = Math.max(MOMENT_MS_MIN, Math.ceil(lengthMs / MOMENTS_MAX));
  return {
    latency: { sync: percentilesOf(sync), accept: percentilesOf(accept), confirm: percentilesOf(confirm) },
    latencyOverTime: {
      sync: latencyOverTime(intendedMs, sync, sync, sliceMs),
      async: latencyOverTime(intendedMs, accept, confirm, sliceMs),
    },
  };
}

async function readStock(api: Api, productId: number): Promise<number> {
  const path = `/api/v1/sync/stock/${productId}`;
  return (await api.get<{ stock: number }>(path, ({ stock }) => typeof stock === 'number')).stock;
}

interface Units {
  readonly total: number;
  readonly reserved: number;
  readonly sold: number;
}

async function readUnits(api: Api, productId: number): Promise<Units | 'not asked' | 'not there'> {
  return api
    .get<Units>(`/api/v1/products/${productId}`, ({ total }) => typeof total === 'number')
    .catch((error) => (couldNotBeAsked(error) ? 'not asked' : 'not there'));
}

/** No answer, or one without a statement. Any other answer outside the contract counts, and is wrong. */
function couldNotBeAsked(error: unknown): boolean {
  if (error instanceof ApiError) return error.status >= 500 || error.status === 429;
  if (error instanceof AppError) return error.code === 'unavailable';
  throw error;
}

/** The server's state of the orders that it granted. */
interface Orders {
  readonly granted: number;
  /** Orders that the server has reported or denied. */
  readonly answered: number;
  /** Ids that buyers received, but that the server does not know as such an order. */
  readonly missing: readonly string[];
  /** Units of the orders that have not ended without a sale. */
  readonly unitsHeld: number;
}

interface Order {
  readonly status: string;
  readonly productId?: number;
  readonly quantity?: number;
}

const ENDED_WITHOUT_SALE = ['declined', 'expired', 'cancelled', 'refunded'];

async function lookUp(api: Api, productId: number, { record }: CrowdResult): Promise<Orders> {
  const ids: string[] = [];
  for (let buyer = 0; buyer < record.users; buyer++) {
    const result = record.result(buyer);
    if (result === 'sold' || result === 'confirmed') ids.push(record.id(buyer)!);
  }
  const asked = ids.slice(0, LOOKUPS_MAX);
  const missing: string[] = [];
  let unitsHeld = 0;
  let next = 0;
  let answered = 0;
  let isThere = true;
  async function askOnAndOn(): Promise<void> {
    while (isThere && next < asked.length) {
      const id = asked[next++]!;
      const order = await ask(id);
      if (order === 'not asked') continue;
      answered++;
      const pending = order?.status === 'pending';
      if (!pending && (order?.productId !== productId || order.quantity !== QUANTITY)) missing.push(id);
      else if (!ENDED_WITHOUT_SALE.includes(order.status)) unitsHeld += QUANTITY;
    }
  }
  async function ask(id: string): Promise<Order | null | 'not asked'> {
    try {
      return await api.get<Order>(`/api/v1/orders/${id}`, ({ status }) => typeof status === 'string');
    } catch (error) {
      if (!couldNotBeAsked(error)) return null;
      // Later calls would wait as long, and fail as well.
      if (!(error instanceof ApiError)) isThere = false;
      return 'not asked';
    }
  }
  await Promise.all(Array.from({ length: LOOKUPS_AT_ONCE }, askOnAndOn));
  return { granted: ids.length, answered, missing, unitsHeld };
}

/**
 * Other buyers may buy at the same time, and their units may be released. So the rush must not have more units than all
 * buyers together, and all together not more than the total.
 */
function soldWithinOffer(
  product: Awaited<ReturnType<typeof readUnits>>,
  { unitsHeld }: Orders,
  units: number | null,
): RushVerdict {
  const name = 'no oversell';
  if (product === 'not asked') return { name, pass: null, detail: 'the product could not be asked for' };
  if (product === 'not there')
    return { name, pass: false, detail: 'the product could not be read afterwards' };
  const { total, reserved, sold } = product;
  return {
    name,
    pass: unitsHeld <= (units ?? total) && unitsHeld <= reserved + sold && reserved + sold <= total,
    detail: `${count(sold + reserved)} of ${count(total)} granted, ${count(unitsHeld)} here`,
  };
}

function everyGrantReadable({ granted, answered, missing }: Orders): RushVerdict {
  const name = 'every grant has a readable order';
  const notAsked = Math.min(granted, LOOKUPS_MAX) - answered;
  const asked = answered < granted ? `${count(answered)} asked for, of ${count(granted)}` : count(granted);
  const detail =
    missing.length === 0 ? asked : `${count(missing.length)} without one, of ${asked}${examples(missing)}`;
  if (missing.length > 0 || notAsked === 0) return { name, pass: missing.length === 0, detail };
  return { name, pass: null, detail: `${count(notAsked)} of ${count(granted)} could not be asked for` };
}

/** An outcome that could not be read may exist. */
function everyTrackingIdEnds({ record }: CrowdResult, isThere: boolean): RushVerdict {
  const open = record.count('accepted');
  const ended = record.count('confirmed', 'rejected', 'failed');
  return {
    name: 'every tracking id has its outcome',
    pass: open > 0 && !isThere ? null : open === 0,
    detail:
      open === 0
        ? plural(ended, 'accepted purchase')
        : `${count(open)} of ${plural(open + ended, 'accepted purchase')} without one`,
  };
}
