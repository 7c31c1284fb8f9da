/** Parses the server's answers to buyers by the HTTP contract. Pure: bytes in, meaning out. */

/** The request; an answer about another purchase is wrong. */
export interface Asked {
  readonly productId: number;
  readonly quantity: number;
}

export interface RawAnswer {
  readonly status: number;
  readonly body: string;
  /** Value of the Retry-After header, or null. */
  readonly retryAfter: string | null;
}

export type Answer =
  /** 200: the order is committed. */
  | { readonly kind: 'sold'; readonly id: string; readonly remaining: number }
  /** 409: nothing was sold to this buyer. */
  | { readonly kind: 'refused'; readonly code: string; readonly remaining: number }
  /** 202: an outcome will follow under this id. */
  | { readonly kind: 'accepted'; readonly id: string }
  /** Outcomes of an accepted purchase. */
  | { readonly kind: 'confirmed'; readonly id: string }
  | { readonly kind: 'rejected' | 'failed'; readonly code: string }
  | { readonly kind: 'queued' }
  /** Refused before any work was done; the buyer may retry after the delay. */
  | { readonly kind: 'overloaded'; readonly retryAfterMs: number }
  /** The server does not know the outcome; a later look-up of `id`, if it gave one, does. */
  | { readonly kind: 'unknown'; readonly id: string | null }
  /** An answer outside the contract. */
  | { readonly kind: 'wrong'; readonly why: string };

/** Used when the server names no delay, or an unreasonable one. */
const RETRY_AFTER_DEFAULT_S = 1;
const RETRY_AFTER_S_MAX = 10;
const UNKNOWN_STATUSES = [502, 503, 504];

/** Reads the answer to a sync purchase. */
export function readSyncAnswer(raw: RawAnswer, asked: Asked): Answer {
  const body = parse(raw.body);
  if (body === null) return wrong(raw, 'is not a JSON object');
  if (isInFlight(raw, body)) return { kind: 'overloaded', retryAfterMs: retryAfterMs(raw.retryAfter) };
  if (raw.status === 200 || raw.status === 409) {
    if (!isAbout(body, asked)) return wrong(raw, 'is about another purchase');
    if (typeof body.remainingStock !== 'number') return wrong(raw, 'has no remainingStock');
    const remaining = body.remainingStock;
    if (raw.status === 200) {
      const id = body.orderId;
      if (body.success !== true || !isId(id)) return wrong(raw, 'is no success with an order');
      return { kind: 'sold', id, remaining };
    }
    if (body.success !== false || body.orderId !== null) return wrong(raw, 'is no refusal');
    return { kind: 'refused', code: text(body.code) ?? 'none', remaining };
  }
  return readTurnedAway(raw, body, 'orderId');
}

/** Reads the answer to an async purchase. */
export function readAcceptance(raw: RawAnswer, asked: Asked): Answer {
  const body = parse(raw.body);
  if (body === null) return wrong(raw, 'is not a JSON object');
  if (isInFlight(raw, body)) return { kind: 'overloaded', retryAfterMs: retryAfterMs(raw.retryAfter) };
  if (raw.status !== 202) return readTurnedAway(raw, body, 'trackingId');
  if (!isAbout(body, asked)) return wrong(raw, 'is about another purchase');
  const id = body.trackingId;
  if (body.accepted !== true || !isId(id)) return wrong(raw, 'is no acceptance with a tracking id');
  return { kind: 'accepted', id };
}

/** Reads the outcome of the accepted purchase `trackingId`. */
export function readOutcome(raw: RawAnswer, asked: Asked, trackingId: string): Answer {
  const body = parse(raw.body);
  if (body === null) return wrong(raw, 'is not a JSON object');
  if (raw.status !== 200) return readTurnedAway(raw, body, 'trackingId');
  if (body.trackingId !== trackingId) return wrong(raw, 'is about another purchase');
  const code = text(body.code) ?? 'none';
  switch (body.status) {
    // Until a purchase is decided only the queue has its details, so these two answers may leave them out.
    case 'queued':
      return { kind: 'queued' };
    case 'failed':
      return { kind: 'failed', code };
    case 'confirmed':
      if (!isAbout(body, asked)) return wrong(raw, 'is about another purchase');
      // The contract promises that the tracking id is the order id.
      if (body.orderId !== trackingId) return wrong(raw, 'confirms under another order id');
      return { kind: 'confirmed', id: trackingId };
    case 'rejected':
      if (!isAbout(body, asked)) return wrong(raw, 'is about another purchase');
      return { kind: 'rejected', code };
    default:
      return wrong(raw, 'has no status of the contract');
  }
}

function readTurnedAway(raw: RawAnswer, body: Record<string, unknown>, idField: string): Answer {
  // A balancer says this with 502 or 504, of an instance that ended or did not answer.
  if (UNKNOWN_STATUSES.includes(raw.status) && body.code === 'outcome_unknown') {
    const id = body[idField];
    return { kind: 'unknown', id: isId(id) ? id : null };
  }
  if (raw.status === 429 || raw.status === 503) {
    return { kind: 'overloaded', retryAfterMs: retryAfterMs(raw.retryAfter) };
  }
  return wrong(raw, 'has a status outside the contract');
}

/** The purchase with the same key is still being decided, perhaps by another instance. */
function isInFlight({ status }: RawAnswer, { code }: Record<string, unknown>): boolean {
  return status === 409 && code === 'in_flight';
}

function retryAfterMs(header: string | null): number {
  const seconds = header !== null && /^\d+$/.test(header) ? Number(header) : RETRY_AFTER_DEFAULT_S;
  return Math.min(seconds, RETRY_AFTER_S_MAX) * 1000;
}

function isAbout(body: Record<string, unknown>, asked: Asked): boolean {
  return body.productId === asked.productId && body.quantity === asked.quantity;
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function parse(body: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function wrong(raw: RawAnswer, why: string): Answer {
  return { kind: 'wrong', why: `${raw.status} ${why}: ${raw.body.slice(0, 200)}` };
}
