import { call } from './api.ts';
import { keepSentPurchase, type SentPurchase } from './browser-store.ts';
import { readSession } from './session.ts';

/** What a buyer is told, from the click to the answer. */
export type Purchase =
  | { readonly state: 'idle' }
  | { readonly state: 'waiting'; readonly sinceMs: number; readonly tries: number }
  | { readonly state: 'bought'; readonly orderId: string; readonly tookMs: number }
  | { readonly state: 'queued'; readonly orderId: string; readonly tookMs: number }
  | { readonly state: 'refused'; readonly code: string; readonly message: string; readonly tookMs: number }
  /** Given up for now. The key is kept, so that asking again buys once. */
  | { readonly state: 'unknown'; readonly orderId: string | null; readonly sent: SentPurchase };

interface PurchaseBody {
  readonly orderId?: string | null;
  readonly trackingId?: string | null;
}

/** How long a purchase without an answer is repeated before its buyer is asked (ms). */
const GIVE_UP_MS = 60_000;
const WAIT_MS_MIN = 250;
const WAIT_MS_MAX = 5_000;

/**
 * Sends a purchase, again and again under the same key, until there is an answer: cut connections, a restarted server and an overload
 * cost its buyer time and nothing else. Tells `show` each state.
 */
export async function purchase(
  productId: number,
  sent: SentPurchase,
  show: (now: Purchase) => void,
): Promise<void> {
  const sinceMs = performance.now();
  const { key, way, ...wanted } = sent;
  keepSentPurchase(productId, sent);
  let orderId: string | null = null;
  let hasRenewed = false;
  for (let tries = 1; ; tries++) {
    show({ state: 'waiting', sinceMs, tries });
    const answer = await call<PurchaseBody>(`/api/v1/${way}/purchase`, {
      method: 'POST',
      headers: { 'Idempotency-Key': key },
      body: { productId, ...wanted },
    });
    const tookMs = performance.now() - sinceMs;
    const body = answer.body as PurchaseBody | null;
    orderId = body?.orderId ?? body?.trackingId ?? orderId;
    if (answer.ok) {
      keepSentPurchase(productId, null);
      return show({ state: way === 'sync' ? 'bought' : 'queued', orderId: orderId!, tookMs });
    }
    const { status, code, message, retryAfterMs } = answer;
    // The session is over, or the browser has lost it.
    if (status === 401 && !hasRenewed && (await readSession())) {
      hasRenewed = true;
      continue;
    }
    const mayCome = status === 0 || status === 429 || status >= 500 || code === 'in_flight';
    if (!mayCome) {
      keepSentPurchase(productId, null);
      return show({ state: 'refused', code, message, tookMs });
    }
    if (tookMs > GIVE_UP_MS) return show({ state: 'unknown', orderId, sent });
    await pause(retryAfterMs ?? WAIT_MS_MIN * 2 ** (tries - 1));
  }
}

/** 250 ms to 5 s, a little more or less, so that those who were cut off together do not come back together. */
export function pause(ms: number): Promise<void> {
  const spread = Math.min(Math.max(ms, WAIT_MS_MIN), WAIT_MS_MAX) * (0.75 + Math.random() / 2);
  return new Promise((resolve) => setTimeout(resolve, spread));
}
