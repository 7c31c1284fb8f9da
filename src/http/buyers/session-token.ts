import type { Customer } from './buyers.ts';

/**
 * Sessions as text: `v1~<end>~<customer>~<mac>`, the end in base 36, the customer as below, and HMAC-SHA-256 over what stands before.
 * No store knows them, so any process with the ledger's secret reads them. One costs 1 µs to read; an RS256 signature
 * costs 75. `~` is allowed in cookies and in bearer tokens, and no JWT has it.
 */
export interface SessionTokens {
  write(session: Pick<Customer, 'customer' | 'expiresAtMs'>): string;
  /** Null for one that is not ours, or over. */
  read(token: string): Customer | null;
}

export const SESSION_KEY_BYTES = 32;
export const SESSION_PREFIX = 'v1~';
/** Customers of guests' sessions. No token of a shop may name one. */
export const GUEST = 'guest:';
/** More than a customer of 64 characters needs. */
const CHARS_MAX = 512;
const MAC_CHARS = 43;

export function createSessionTokens(key: Uint8Array, clock: () => number): SessionTokens {
  // node:crypto's `createHmac` takes 1.5 µs here, this 0.9.
  const macOf = (text: string) => new Bun.CryptoHasher('sha256', key).update(text).digest('base64url');

  return {
    write({ customer, expiresAtMs }) {
      const text = `${SESSION_PREFIX}${expiresAtMs.toString(36)}~${written(customer)}`;
      return `${text}~${macOf(text)}`;
    },
    read(token) {
      const end = token.length - MAC_CHARS - 1;
      if (end < 0 || token.length > CHARS_MAX || !token.startsWith(SESSION_PREFIX) || token[end] !== '~')
        return null;
      const text = token.slice(0, end);
      if (!isSame(token.slice(end + 1), macOf(text))) return null;
      const between = text.indexOf('~', SESSION_PREFIX.length);
      const expiresAtMs = Number.parseInt(text.slice(SESSION_PREFIX.length, between), 36);
      if (expiresAtMs <= clock()) return null;
      const customer = customerIn(text.slice(between + 1));
      return { kind: 'customer', customer, isGuest: customer.startsWith(GUEST), by: 'session', expiresAtMs };
    },
  };
}

/** What most customers are made of, and bearer tokens may be made of as well. */
const PLAIN = /^[\w.-]*$/;

/** A guest, a plain customer, or any other in base64url, which takes 0.3 µs to read. */
function written(customer: string): string {
  if (customer.startsWith(GUEST) && PLAIN.test(customer.slice(GUEST.length)))
    return `g${customer.slice(GUEST.length)}`;
  return PLAIN.test(customer) ? `c${customer}` : `b${Buffer.from(customer).toString('base64url')}`;
}

function customerIn(text: string): string {
  const rest = text.slice(1);
  switch (text[0]) {
    case 'g':
      return GUEST + rest;
    case 'c':
      return rest;
    default:
      return Buffer.from(rest, 'base64url').toString();
  }
}

/** Takes as long whatever differs. Two Buffers and `timingSafeEqual` take 0.9 µs, this 0.1. */
function isSame(given: string, expected: string): boolean {
  let difference = given.length ^ expected.length;
  for (let i = 0; i < expected.length; i++) difference |= given.charCodeAt(i) ^ expected.charCodeAt(i);
  return difference === 0;
}
