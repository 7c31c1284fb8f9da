import type { Target } from './connection.ts';

export const SYNC_PURCHASE = '/api/v1/sync/purchase';
export const ASYNC_PURCHASE = '/api/v1/async/purchase';

/** Buyers are numbered with a fixed width, so that every request has the same length. */
const BUYER_DIGITS = 8;
const DIGIT_0 = 48;

/** The address of `url`, for a connection. */
export function targetOf(url: string): Target {
  const { hostname, port, host } = new URL(url);
  return { hostname, port: Number(port || 80), host };
}

/** The customer id of a crowd's buyer number `buyer`. */
export function customerOf(seed: number, buyer: number): string {
  return `b${seed}-${String(buyer).padStart(BUYER_DIGITS, '0')}`;
}

/**
 * Makes the bytes of one buyer's purchase request. All calls return the same buffer with the buyer's digits patched
 * in: it must be sent (or copied) before the next call. A request made of strings costs the generator 1 µs more.
 */
export function purchaseRequest(
  target: Target,
  purchase: {
    path: string;
    productId: number;
    quantity: number;
    seed: number;
    keyPrefix?: string;
    operatorToken?: string | null;
  },
): (buyer: number) => Uint8Array {
  const { productId, quantity, seed, keyPrefix, operatorToken = null } = purchase;
  const key = keyPrefix === undefined ? '' : `Idempotency-Key: ${keyPrefix}-${'0'.repeat(BUYER_DIGITS)}\r\n`;
  const body = JSON.stringify({ productId, quantity, userId: customerOf(seed, 0) });
  const bytes = Buffer.from(
    `POST ${purchase.path} HTTP/1.1\r\nHost: ${target.host}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${body.length}\r\n${bearer(operatorToken)}${key}\r\n${body}`,
    'latin1',
  );
  const lastDigit = bytes.length - '"}'.length - 1;
  const lastOfKey = bytes.length - body.length - '\r\n\r\n'.length - 1;
  return (buyer) => {
    let rest = buyer;
    for (let i = 0; i < BUYER_DIGITS; i++) {
      const tens = (rest / 10) | 0;
      const digit = DIGIT_0 + rest - tens * 10;
      bytes[lastDigit - i] = digit;
      if (keyPrefix !== undefined) bytes[lastOfKey - i] = digit;
      rest = tens;
    }
    return bytes;
  };
}

export function stockRequest(target: Target, productId: number): Uint8Array {
  return getRequest(target, `/api/v1/sync/stock/${productId}`);
}

/** Reads the outcome of an accepted purchase with a long poll of `waitS` seconds. */
export function outcomeRequest(
  target: Target,
  trackingId: string,
  waitS: number,
  operatorToken: string | null = null,
): Uint8Array {
  const path = `${ASYNC_PURCHASE}/${encodeURIComponent(trackingId)}?wait=${waitS}s`;
  return getRequest(target, path, operatorToken);
}

function getRequest(target: Target, path: string, operatorToken: string | null = null): Uint8Array {
  const head = `GET ${path} HTTP/1.1\r\nHost: ${target.host}\r\n${bearer(operatorToken)}\r\n`;
  return Buffer.from(head, 'latin1');
}

/** Lifts the limits of requests for a crowd that comes from one address, as no real one does. */
export function bearer(operatorToken: string | null): string {
  return operatorToken === null ? '' : `Authorization: Bearer ${operatorToken}\r\n`;
}
