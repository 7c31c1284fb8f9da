import type { Verdict } from '../src/domain/verdict.ts';
import { ASYNC_PURCHASE, SYNC_PURCHASE } from './requests.ts';

/** Buyers who send every purchase twice, under one idempotency key, as a phone does on a bad line. */

/** Enough to meet several instances; few enough to change nothing about the crowd beside them. */
const REPEATERS = 10;
const CALL_TIMEOUT_MS = 20_000;
/** Shorter than a call's timeout, so that an undecided purchase is answered as one. */
const OUTCOME_WAIT_S = 10;

export interface Repeats {
  /** Granted purchases, including those with a later outcome. */
  readonly orderIds: readonly string[];
  /** Comparable pairs of answers: a refusal binds no key, and a cut connection has no answer. */
  readonly telling: number;
  readonly different: number;
}

export async function repeatPurchases(purchase: {
  readonly url: string;
  readonly productId: number;
  readonly quantity: number;
  readonly seed: number;
}): Promise<Repeats> {
  const { url, productId, quantity, seed } = purchase;
  async function twice(repeater: number): Promise<readonly [Answer | null, Answer | null]> {
    const path = repeater % 2 === 0 ? SYNC_PURCHASE : ASYNC_PURCHASE;
    const key = crypto.randomUUID();
    const body = JSON.stringify({ productId, quantity, userId: `r${seed}-${repeater}` });
    return [await buy(url + path, key, body), await buy(url + path, key, body)];
  }
  const pairs = await Promise.all(Array.from({ length: REPEATERS }, (_, repeater) => twice(repeater)));
  const telling = pairs.filter(
    ([first, second]) =>
      (first?.status === 200 || first?.status === 202) && second !== null && second.status !== 503,
  );
  const orderIds = await Promise.all(telling.map(([first]) => orderIdOf(url, first!)));
  return {
    orderIds: orderIds.filter((id) => id !== null),
    telling: telling.length,
    different: telling.filter(([first, second]) => first!.text !== second!.text).length,
  };
}

export function repetitionsAlike({ telling, different }: Repeats): Verdict {
  return {
    name: 'repetitions answered otherwise',
    pass: different === 0,
    detail:
      telling === 0
        ? 'none was granted, so there was nothing to repeat'
        : `${different} of ${telling} purchases sent twice under one key`,
  };
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Null when it ended without an order, or without an answer in time. */
async function orderIdOf(url: string, { status, text }: Answer): Promise<string | null> {
  try {
    const { orderId, trackingId } = JSON.parse(text) as { orderId?: string; trackingId?: string };
    if (status === 200) return orderId ?? null;
    const response = await fetch(`${url}${ASYNC_PURCHASE}/${trackingId}?wait=${OUTCOME_WAIT_S}s`, {
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    });
    return ((await response.json()) as { orderId?: string }).orderId ?? null;
  } catch {
    return null;
  }
}

async function buy(url: string, key: string, body: string): Promise<Answer | null> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'Idempotency-Key': key },
      body,
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    });
    return { status: response.status, text: await response.text() };
  } catch {
    return null;
  }
}
