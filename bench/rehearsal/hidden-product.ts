import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Api, ApiError } from '../../src/cli/api.ts';
import { UsageError } from '../../src/cli/flags.ts';
import { AppError } from '../../src/domain/errors.ts';
import { isHidden, TEST_CURRENCY } from '../../src/domain/product.ts';

/** The product of a rehearsal: nobody else sees it, its orders are never charged, and it is removed in the end. */

/** What a rehearsal takes over from a real product. */
export interface ProductTerms {
  readonly priceMinor: number;
  readonly units: number;
  readonly perCustomerLimit: number | null;
  readonly customerRequired: boolean;
}

export interface HiddenProduct extends ProductTerms {
  readonly productId: number;
  readonly name: string;
}

interface Listed {
  readonly productId: number;
  readonly name: string;
  readonly state: 'not_open' | 'open' | 'paused' | 'closed';
}

/** Where nobody charges, orders free their units after this, and the product can go. */
const HOLD_SECONDS = 120;
/** After its last buyer came: a sale whose rehearsal died closes by itself. */
const CLOSES_AFTER_S = 600;
const PRODUCTS_MAX = 1_000;

/** Its sale closes by itself some time after a crowd that comes in `crowdS`. */
export async function makeHiddenProduct(
  api: Api,
  terms: ProductTerms,
  crowdS: number,
): Promise<HiddenProduct> {
  const name = ourName();
  const body = {
    ...terms,
    name,
    currency: TEST_CURRENCY,
    holdSeconds: HOLD_SECONDS,
    closesAt: new Date(Date.now() + (crowdS + CLOSES_AFTER_S) * 1000).toISOString(),
    reason: 'rehearsal',
  };
  // A create whose answer got lost is found as a leftover by the next rehearsal.
  const { productId } = await api.send<{ productId: number }>(
    'POST',
    '/api/v1/products',
    body,
    ({ productId: id }) => typeof id === 'number',
  );
  return { ...terms, productId, name };
}

/** The terms of a product that buyers know. */
export async function termsLike(api: Api, productId: number): Promise<ProductTerms> {
  const product = await api.get<ProductTerms & { available: number; total: number }>(
    `/api/v1/products/${productId}`,
    ({ total }) => typeof total === 'number',
  );
  const { priceMinor, perCustomerLimit, customerRequired, available, total } = product;
  return { priceMinor, perCustomerLimit, customerRequired, units: available > 0 ? available : total };
}

/**
 * Hidden products of earlier rehearsals: those that died, and those that seem to run. One died when its process here is gone, or
 * when its sale is over.
 */
export async function findOthers(api: Api): Promise<{ died: Listed[]; running: Listed[] }> {
  const path = `/api/v1/products?hidden=true&limit=${PRODUCTS_MAX}`;
  const { products } = await api.get<{ products: Listed[] }>(path, (body) => Array.isArray(body.products));
  const died = products.filter(({ name, state }) => state === 'closed' || hasDied(name));
  return { died, running: products.filter((one) => !died.includes(one)) };
}

/** The server was not there, or refused for too long. */
export class NotRemoved extends AppError {
  constructor(productId: number, cause: Error) {
    super('unavailable', `the hidden product ${productId} is still there: ${cause.message}`, { cause });
  }
}

const TRY_AGAIN_MS = 500;
/** A server that is restarted is back by then. */
const AWAY_MS_MAX = 10_000;
/** Longer than a hold, after which unpaid orders have ended, and some time for the queue. */
const REMOVE_MS_MAX = (HOLD_SECONDS + 60) * 1000;

/**
 * Closes the sale, waits until nothing of it is under way, and removes the product with all that its sale left. One that is gone
 * is fine; the answer tells whether it was there. Throws NotRemoved, and UsageError for a product that buyers see.
 */
export async function removeHiddenProduct(api: Api, productId: number, stop?: AbortSignal): Promise<boolean> {
  const path = `/api/v1/products/${productId}`;
  const startedMs = performance.now();
  let answeredMs = startedMs;
  let isClosed = false;
  while (true) {
    try {
      if (!isClosed) {
        await requireHidden(api, productId);
        await api.send('POST', `${path}/drain`, { reason: 'the rehearsal is over' });
      }
      isClosed = true;
      const body = { reason: 'the rehearsal is over' };
      const { removed } = await api.send<{ removed: boolean }>('DELETE', path, body);
      if (removed) return true;
      answeredMs = performance.now();
      continue;
    } catch (error) {
      if (!(error instanceof AppError) || error instanceof UsageError) throw error;
      const { status, refusal } = error instanceof ApiError ? error : { status: 0, refusal: null };
      if (refusal === 'unknown_product') return isClosed;
      const mayChange = refusal === 'sale_not_drained' || status === 0 || status >= 500 || status === 429;
      const nowMs = performance.now();
      if (refusal === 'sale_not_drained') answeredMs = nowMs;
      const isLate = nowMs - answeredMs > AWAY_MS_MAX || nowMs - startedMs > REMOVE_MS_MAX;
      if (!mayChange || isLate || stop?.aborted) throw new NotRemoved(productId, error);
    }
    await sleep(TRY_AGAIN_MS, undefined, stop ? { signal: stop } : {}).catch(() => {});
  }
}

/** Before its sale is closed: a slip of the pen must not close a real one. */
async function requireHidden(api: Api, productId: number): Promise<void> {
  const { currency } = await api.get<{ currency: string }>(
    `/api/v1/products/${productId}`,
    ({ currency: given }) => typeof given === 'string',
  );
  if (isHidden({ currency })) return;
  throw new UsageError(
    `Product ${productId} is on sale for buyers; a rehearsal removes hidden products only`,
  );
}

/** By its name a later rehearsal on this machine knows whether its process lives. */
function ourName(): string {
  return `Rehearsal of ${hostname()}, process ${process.pid}`;
}

function hasDied(name: string): boolean {
  const [, host, pid] = /^Rehearsal of (.*), process (\d+)$/.exec(name) ?? [];
  if (host !== hostname()) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
