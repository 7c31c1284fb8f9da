import { SYNC_PURCHASE, targetOf } from '../requests.ts';

/** As a trusted proxy on this machine sends them on: each buyer has a customer id and an address of its own. */
export function forwardedPurchases(
  url: string,
  seed: string,
  addressOf: (n: number) => string,
): (n: number) => Uint8Array {
  const { host } = targetOf(url);
  return (n) => {
    const body = JSON.stringify({ productId: 1, quantity: 1, userId: `${seed}-${n}` });
    return Buffer.from(
      `POST ${SYNC_PURCHASE} HTTP/1.1\r\nHost: ${host}\r\nX-Forwarded-For: ${addressOf(n)}\r\n` +
        `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      'latin1',
    );
  };
}

/** Sixteen million addresses, none of them private. */
export function oneOfMany(n: number): string {
  return `44.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`;
}

export const PROXIED = { PULSECART_TRUSTED_PROXIES: '127.0.0.0/8' };
