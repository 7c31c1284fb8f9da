import { AppError } from '../src/domain/errors.ts';
import type { ServerProcess } from './server-process.ts';

/** The few calls to a server under test that are not load: preparing a sale, and reading its state. */

/** No answer of these takes longer on a working server under any load. */
const CALL_TIMEOUT_MS = 15_000;
/** A server that tells its figures later is busy with the sale. */
const ASK_TIMEOUT_MS = 2_000;

export interface QueueDepths {
  readonly queues: { name: string; ready: number; unacknowledged: number; oldestAgeMs: number }[];
  readonly purchases: { accepted: number; decided: number; waiting: number };
  readonly deadLetters: { count: number };
}

export async function resetStock(
  url: string,
  productId: number,
  units: number,
  headers: Record<string, string> = {},
): Promise<void> {
  await call(url, `/api/v1/sync/stock/${productId}/reset?stock=${units}`, { method: 'PUT', headers });
}

/** Units free to buy now. */
export async function readStock(url: string, productId: number): Promise<number> {
  const { stock } = (await (await call(url, `/api/v1/sync/stock/${productId}`)).json()) as { stock: number };
  return stock;
}

export async function readQueues(url: string): Promise<QueueDepths> {
  return (await (await call(url, '/api/v1/async/queue/status')).json()) as QueueDepths;
}

/** Sold and unpaid units of all products, by the ledger: 0 once every order is charged. */
export async function readUnpaidUnits(url: string): Promise<number> {
  const metrics = await (await call(url, '/actuator/prometheus')).text();
  const reserved = [...metrics.matchAll(/^pulsecart_units\{[^}]*state="reserved"[^}]*\} (\d+)/gm)];
  if (reserved.length === 0) throw new AppError('unavailable', 'the server does not tell its reserved units');
  return reserved.reduce((sum, [, units]) => sum + Number(units), 0);
}

/**
 * Gives the sale a time to open, for everybody with a name and one unit each. For a server that made its own operators' token.
 */
export async function openLater(
  { url, operatorToken }: Pick<ServerProcess, 'url' | 'operatorToken'>,
  productId: number,
  opensAt: string,
): Promise<void> {
  const terms = { opensAt, perCustomerLimit: 1, customerRequired: true, reason: 'a sale to watch' };
  await call(url, `/api/v1/products/${productId}`, {
    method: 'PATCH',
    headers: { Authorization: `Bearer ${operatorToken}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(terms),
  });
}

/** Puts another product on sale; returns its id. For a server that made its own operators' token. */
export async function createProduct(
  { url, operatorToken }: Pick<ServerProcess, 'url' | 'operatorToken'>,
  units: number,
): Promise<number> {
  const product = {
    name: 'One of several',
    priceMinor: 999_99,
    currency: 'USD',
    units,
    reason: 'a benchmark',
  };
  const response = await call(url, '/api/v1/products', {
    method: 'POST',
    headers: { Authorization: `Bearer ${operatorToken}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(product),
  });
  return ((await response.json()) as { productId: number }).productId;
}

/** Whether the sale that opens at that time is open. A process that has not heard of this time yet says what was before. */
export async function isOpen(url: string, productId: number, opensAt: string): Promise<boolean> {
  const product = (await (await call(url, `/api/v1/products/${productId}`)).json()) as {
    readonly state: string;
    readonly opensAt: string | null;
  };
  return product.state === 'open' && product.opensAt === opensAt;
}

/** Reads figures beside a load; null when they cannot be had now. */
export async function ask(
  server: Pick<ServerProcess, 'url' | 'operatorToken'>,
  path: string,
): Promise<Response | null> {
  try {
    const headers: Record<string, string> =
      server.operatorToken === null ? {} : { Authorization: `Bearer ${server.operatorToken}` };
    const response = await fetch(server.url + path, {
      headers,
      signal: AbortSignal.timeout(ASK_TIMEOUT_MS),
    });
    return response.ok ? response : null;
  } catch {
    return null;
  }
}

async function call(url: string, path: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(url + path, { ...init, signal: AbortSignal.timeout(CALL_TIMEOUT_MS) });
  if (response.ok) return response;
  const said = await response.text();
  throw new AppError('unavailable', `${init.method ?? 'GET'} ${path} answered ${response.status}: ${said}`);
}
