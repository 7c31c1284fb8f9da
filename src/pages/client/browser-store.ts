/** What this browser keeps: who buys, and what was bought. It may keep nothing (private windows), and then forgets with the page. */

const CUSTOMER = 'pulsecart.customer';
const ORDERS = 'pulsecart.orders';
const WAY = 'pulsecart.way';
const SESSION_END = 'pulsecart.session-end';
const ORDERS_MAX = 100;
const CUSTOMER_PATTERN = /^[^\p{Cc}\ufffd]{1,64}$/u;

const forgotten = new Map<string, string>();

export interface KeptOrder {
  readonly orderId: string;
  readonly productId: number;
  readonly name: string;
  readonly quantity: number;
  readonly at: string;
}

/** The customer of this browser, made up at the first call. */
export function customer(): string {
  const kept = read(CUSTOMER);
  if (kept !== null && CUSTOMER_PATTERN.test(kept)) return kept;
  const made = `guest-${randomText(5)}`;
  write(CUSTOMER, made);
  return made;
}

/** Returns whether the name will do: 1 to 64 characters. */
export function setCustomer(name: string): boolean {
  const trimmed = name.trim();
  if (!CUSTOMER_PATTERN.test(trimmed)) return false;
  write(CUSTOMER, trimmed);
  return true;
}

/** When the session in the cookie ends, by the server's date (ms since the epoch); 0 where none was given. */
export function sessionEnd(): number {
  return Number(read(SESSION_END) ?? 0) || 0;
}

export function keepSessionEnd(ms: number): void {
  write(SESSION_END, `${ms}`);
}

/** Newest first. */
export function keptOrders(): readonly KeptOrder[] {
  try {
    const kept = JSON.parse(read(ORDERS) ?? '[]');
    return Array.isArray(kept) ? kept.slice(0, ORDERS_MAX) : [];
  } catch {
    return [];
  }
}

export function keepOrder(order: KeptOrder): void {
  const others = keptOrders().filter(({ orderId }) => orderId !== order.orderId);
  write(ORDERS, JSON.stringify([order, ...others].slice(0, ORDERS_MAX)));
}

export type Way = 'sync' | 'async';

export function way(): Way {
  return read(WAY) === 'async' ? 'async' : 'sync';
}

export function setWay(chosen: Way): void {
  write(WAY, chosen);
}

/** A purchase that was sent and whose answer is not there yet, so that a page that is loaded again goes on with it. */
export interface SentPurchase {
  readonly key: string;
  readonly way: Way;
  readonly quantity: number;
  /** Absent where a session says who buys. */
  readonly userId?: string;
  /** What a unit cost on the page: it is bought at that price or not at all. */
  readonly expectedPriceMinor: number;
}

export function sentPurchase(productId: number): SentPurchase | null {
  try {
    return JSON.parse(read(`pulsecart.sent.${productId}`) ?? 'null');
  } catch {
    return null;
  }
}

export function keepSentPurchase(productId: number, sent: SentPurchase | null): void {
  const name = `pulsecart.sent.${productId}`;
  if (sent) {
    write(name, JSON.stringify(sent));
    return;
  }
  forgotten.delete(name);
  try {
    localStorage.removeItem(name);
  } catch {
    // It was never kept.
  }
}

/** Random bytes as hexadecimal digits. `crypto.randomUUID` is missing on pages that came over plain HTTP. */
export function randomText(bytes: number): string {
  return [...crypto.getRandomValues(new Uint8Array(bytes))]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('');
}

function read(name: string): string | null {
  try {
    return localStorage.getItem(name) ?? forgotten.get(name) ?? null;
  } catch {
    return forgotten.get(name) ?? null;
  }
}

function write(name: string, value: string): void {
  forgotten.set(name, value);
  try {
    localStorage.setItem(name, value);
  } catch {
    // Kept as long as the page.
  }
}
