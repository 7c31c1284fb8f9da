import type { Verdict } from '../domain/verdict.ts';
import type { Mode } from '../load/arrivals.ts';
import { type CrowdProgress, type CrowdResult, runCrowd } from '../load/crowd.ts';
import { type Repeats, repeatPurchases, repetitionsAlike } from '../load/repeats.ts';
import { answersWithinContract, everybodyAnswered, examples, idsAreDistinct } from '../load/verdicts.ts';
import { type Api, ApiError } from './api.ts';

const QUANTITY = 1;
/** After the last arrival, for outcomes that queue up behind the crowd. */
const PATIENCE_MS = 30_000;
/** Orders asked for at once, when the crowd has gone. */
const LOOKUPS_AT_ONCE = 64;
/** Orders that are asked for again; a rush that sold more is judged by the first ones, and says so. */
const LOOKUPS_MAX = 50_000;

export interface RushOptions {
  readonly productId: number;
  /** Free units to begin with; null leaves the stock as it is. */
  readonly units: number | null;
  readonly users: number;
  readonly rate: number;
  readonly mode: Mode;
  readonly seed: number;
}

export interface RushResult {
  readonly url: string;
  readonly seed: number;
  readonly productId: number;
  /** Buyers who came; fewer than were to come when the crowd was called back. */
  readonly users: number;
  readonly calledBack: boolean;
  /** Free units before and after, as the server told them; null when it could not be asked any more. */
  readonly stock: { readonly before: number; readonly after: number | null };
  readonly granted: number;
  /** Beside the crowd, to those who send every purchase twice. */
  readonly grantedToRepeaters: number;
  readonly refused: number;
  readonly errors: number;
  /** From the first arrival to the last outcome. */
  readonly elapsedMs: number;
  readonly sync: { p50Ms: number | null; p95Ms: number | null; p99Ms: number | null };
  readonly async: { acceptP99Ms: number | null; confirmP99Ms: number | null };
  readonly verdicts: readonly Verdict[];
}

/** Sends the crowd at a running server, and judges by what its clients can know: answers, orders, the stock. */
export async function holdRush(
  options: RushOptions,
  api: Api,
  signal: AbortSignal,
  onProgress?: (progress: CrowdProgress) => void,
): Promise<RushResult> {
  const { productId, units, users, rate, mode, seed } = options;
  if (units !== null) await api.send('PUT', `/api/v1/sync/stock/${productId}/reset?stock=${units}`);
  const before = await readStock(api, productId);
  const sale = { url: api.url, productId, quantity: QUANTITY, seed };
  const [crowd, repeats] = await Promise.all([
    runCrowd({
      ...sale,
      users,
      ratePerS: rate,
      mode,
      patienceMs: PATIENCE_MS,
      signal,
      ...(onProgress && { onProgress }),
    }),
    repeatPurchases(sale),
  ]);
  const orders = await lookUp(api, productId, crowd, repeats);
  const after = await readStock(api, productId).catch(() => null);
  const { record, sync, accept, confirm } = crowd;
  return {
    url: api.url,
    seed,
    productId,
    users: record.users,
    calledBack: signal.aborted,
    stock: { before, after },
    granted: record.count('sold', 'confirmed'),
    grantedToRepeaters: repeats.orderIds.length,
    refused: record.count('refused', 'rejected'),
    errors: record.count('none', 'accepted', 'unknown', 'wrong', 'overloaded', 'failed'),
    elapsedMs: Math.round(crowd.elapsedMs),
    sync: { p50Ms: sync.percentileMs(50), p95Ms: sync.percentileMs(95), p99Ms: sync.percentileMs(99) },
    async: { acceptP99Ms: accept.percentileMs(99), confirmP99Ms: confirm.percentileMs(99) },
    verdicts: [
      soldWithinOffer(await readUnits(api, productId), orders, units),
      everyGrantReadable(orders),
      everyTrackingIdEnds(crowd),
      repetitionsAlike(repeats),
      idsAreDistinct(crowd),
      everybodyAnswered(crowd),
      answersWithinContract(crowd),
    ],
  };
}

async function readStock(api: Api, productId: number): Promise<number> {
  return (await api.get<{ stock: number }>(`/api/v1/sync/stock/${productId}`)).stock;
}

interface Units {
  readonly total: number;
  readonly reserved: number;
  readonly sold: number;
}

async function readUnits(api: Api, productId: number): Promise<Units | null> {
  return api.get<Units>(`/api/v1/products/${productId}`).catch(() => null);
}

/** What the server says of the orders that it granted. */
interface Orders {
  readonly granted: number;
  readonly asked: number;
  /** Ids that buyers were given, and the server does not know as such an order. */
  readonly missing: readonly string[];
  /** Units of those that have not ended without a sale. */
  readonly unitsHeld: number;
}

interface Order {
  readonly status: string;
  readonly productId?: number;
  readonly quantity?: number;
}

const ENDED_WITHOUT_SALE = ['declined', 'expired', 'cancelled', 'refunded'];

async function lookUp(
  api: Api,
  productId: number,
  { record }: CrowdResult,
  repeats: Repeats,
): Promise<Orders> {
  const ids = repeats.orderIds.slice();
  for (let buyer = 0; buyer < record.users; buyer++) {
    const fate = record.fate(buyer);
    if (fate === 'sold' || fate === 'confirmed') ids.push(record.id(buyer)!);
  }
  const asked = ids.slice(0, LOOKUPS_MAX);
  const missing: string[] = [];
  let unitsHeld = 0;
  let next = 0;
  async function askOnAndOn(): Promise<void> {
    while (next < asked.length) {
      const id = asked[next++]!;
      const order = await api.get<Order>(`/api/v1/orders/${id}`).catch((error) => unknownOrder(error));
      const pending = order?.status === 'pending';
      if (!pending && (order?.productId !== productId || order.quantity !== QUANTITY)) missing.push(id);
      else if (!ENDED_WITHOUT_SALE.includes(order.status)) unitsHeld += QUANTITY;
    }
  }
  await Promise.all(Array.from({ length: LOOKUPS_AT_ONCE }, askOnAndOn));
  return { granted: ids.length, asked: asked.length, missing, unitsHeld };
}

/** A server that has gone away has not kept its word about any order either; the verdict says which. */
function unknownOrder(error: unknown): null {
  if (error instanceof ApiError || (error as Error).name === 'AppError') return null;
  throw error;
}

/**
 * Other buyers may be at it, too, and units of theirs may come back. So what must hold is that the rush did not get more
 * than all have got, and that all have not got more than there is.
 */
function soldWithinOffer(product: Units | null, { unitsHeld }: Orders, units: number | null): Verdict {
  const name = 'sold above what was offered';
  if (product === null) return { name, pass: false, detail: 'the product could not be read afterwards' };
  const { total, reserved, sold } = product;
  return {
    name,
    pass: unitsHeld <= (units ?? total) && unitsHeld <= reserved + sold && reserved + sold <= total,
    detail: `${unitsHeld} for this rush, ${sold} sold + ${reserved} reserved in all, of ${total}`,
  };
}

function everyGrantReadable({ granted, asked, missing }: Orders): Verdict {
  const of = asked < granted ? `the first ${asked} of ${granted}` : `${granted}`;
  return {
    name: 'granted without a readable order',
    pass: missing.length === 0,
    detail: `${missing.length} of ${of}${examples(missing)}`,
  };
}

function everyTrackingIdEnds({ record }: CrowdResult): Verdict {
  const open = record.count('accepted');
  const ended = record.count('confirmed', 'rejected', 'failed');
  return {
    name: 'tracking ids without outcome',
    pass: open === 0,
    detail: `${open} of ${open + ended} accepted purchases`,
  };
}
